// Runs in: tests. Owns: a message bus of its own, a real one, and on it python-dbusmock in logind's place; nobody here has written either.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { eventually } from "./drivers-life.fixture.ts";

const LOGIN = "org.freedesktop.login1";
const PATH = "/org/freedesktop/login1";
const MANAGER = `${LOGIN}.Manager`;
const MOCK = "org.freedesktop.DBus.Mock";

/** Everybody may do everything: what a system bus would refuse a stranger, ring3 must see through by itself. */
const configuration = (socket: string) => `<busconfig>
  <listen>unix:path=${socket}</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`;

/** Its template for logind, and the one property that it lacks. */
const TEMPLATE = `
import dbus
from dbusmock.templates import logind
from dbusmock.templates.logind import *

def load(mock, parameters):
    logind.load(mock, parameters)
    mock.AddProperty(MAIN_IFACE, "InhibitDelayMaxUSec", dbus.UInt64(parameters["delayUs"]))
`;

export class LoginBus implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "r3-bus-"));
  readonly #socket = join(this.#folder, "bus");
  readonly address = `unix:path=${this.#socket}`;
  #daemon: ChildProcess | undefined;
  #login: ChildProcess | undefined;

  async startDaemon(): Promise<void> {
    const file = join(this.#folder, "bus.conf");
    writeFileSync(file, configuration(this.#socket));
    this.#daemon = spawn("dbus-daemon", ["--nofork", "--print-address", `--config-file=${file}`], {
      stdio: ["ignore", "pipe", "ignore"], // where it may not raise its limits it complains, and works
    });
    const died = once(this.#daemon, "exit").then(() => Promise.reject(new Error("dbus-daemon has ended")));
    await Promise.race([once(createInterface({ input: this.#daemon.stdout! }), "line"), died]);
  }

  /** `delayMs`: how long it says that it waits for those who hold a lock. */
  async startLogin({ sleeps = false, delayMs = 5000 } = {}): Promise<void> {
    const template = join(this.#folder, "login.py");
    writeFileSync(template, TEMPLATE);
    const parameters = JSON.stringify({ PreparingForSleep: sleeps, delayUs: delayMs * 1000 });
    // Debian's own, whose packages it is one of.
    const args = ["-m", "dbusmock", "--template", template, "--parameters", parameters];
    this.#login = spawn("/usr/bin/python3", args, {
      stdio: ["ignore", "ignore", "inherit"],
      env: { PATH: process.env.PATH, DBUS_SYSTEM_BUS_ADDRESS: this.address },
    });
    await eventually("logind's name on the bus", () => this.names().has(LOGIN) || undefined);
  }

  async endLogin(): Promise<void> {
    await ended(this.#login!);
  }

  async endDaemon(): Promise<void> {
    await ended(this.#daemon!);
  }

  /** Who is on the bus, and which process that is. */
  names(): Map<string, number> {
    const list = JSON.parse(this.#busctl("--json=short", "list")) as { name: string; pid: number | null }[];
    return new Map(list.map(({ name, pid }) => [name, pid ?? 0]));
  }

  /** The locks that are held, as logind says: what is locked, by whom, how. */
  locks(): string[] {
    const { data } = JSON.parse(this.#call(MANAGER, "ListInhibitors", "")) as { data: [string[][]] };
    return data[0].map(([what, who, , mode]) => `${what} ${who} ${mode}`);
  }

  /** What logind says before the machine sleeps, and after. */
  prepareForSleep(on: boolean): void {
    this.#call(MOCK, "EmitSignal", "sssav", MANAGER, "PrepareForSleep", "b", "1", "b", String(on));
  }

  /** The same said by somebody else, to one connection only. */
  pretendToPrepare(on: boolean, destination: string): void {
    this.#busctl(`--destination=${destination}`, "emit", PATH, MANAGER, "PrepareForSleep", "b", String(on));
  }

  #call(name: string, ...args: string[]): string {
    return this.#busctl("--json=short", "call", LOGIN, PATH, name, ...args);
  }

  #busctl(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync("busctl", [`--address=${this.address}`, ...args], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`busctl ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.#login, this.#daemon]) if (child !== undefined) await ended(child);
    rmSync(this.#folder, { recursive: true });
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
