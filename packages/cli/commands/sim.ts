// Runs in: CLI. Owns: one simulated device, a process of its own, for as long as it is attached.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { nearest } from "@ring3/control/nearest";
import { sentence } from "@ring3/control/sentence";
import { printable } from "@ring3/core/log";
import { type Command, UsageError } from "../command.ts";
import { askedToEnd, ended, onLine } from "../lines.ts";
import type { Ring3 } from "../ring3.ts";

const sims = fileURLToPath(new URL("../../../sims/", import.meta.url));

function knownKinds(): string[] {
  return globSync("*/main.ts", { cwd: sims }).map(dirname).sort();
}

export default {
  summary: "attaches a simulated device; prints its device ids first; stays until stopped",
  usage: "KIND [options]",
  options: {
    port: {
      type: "string",
      value: "NAME",
      help: "the place it is plugged into, which is part of its device id",
    },
  },
  words: [1, 1],
  handsOn: true,
  details: `KIND is one of: ${knownKinds().join(", ")}. "ring3 sim KIND --help" shows the options of that device.
Of a device with several ids, the first that is printed is one that has a driver.
Lines typed here go to the device; its answers are printed. "unplug" and "plug" do what they say.`,
  moreHelp([kind = ""]) {
    if (!knownKinds().includes(kind)) return "";
    const { stdout } = spawnSync(process.execPath, [join(sims, kind, "main.ts"), "--help"], {
      encoding: "utf8",
    });
    return `\nOptions of the device:\n${stdout}`;
  },
  async run(ring3, { values, words, rest }) {
    const kind = words[0]!;
    const kinds = knownKinds();
    if (!kinds.includes(kind)) {
      const meant = nearest(kind, kinds);
      throw new UsageError(
        `no simulated device "${kind}"${meant === undefined ? "" : `; did you mean "${meant}"?`}; there are: ${kinds.join(", ")}`,
      );
    }
    const stop = askedToEnd();
    const manager = ring3.connect();
    const folder = mkdtempSync(join(tmpdir(), "ring3-sim-"));
    const sim = spawn(
      process.execPath,
      [join(sims, kind, "main.ts"), "--listen", join(folder, "usbip.sock"), ...rest],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    try {
      return await new Attachment(ring3, manager, sim, values.port as string | undefined).run(kind, stop);
    } finally {
      process.stdin.destroy(); // open, it would keep us here
      manager.disconnect();
      sim.kill("SIGTERM");
      await ended(sim);
      rmSync(folder, { recursive: true, force: true });
    }
  },
} satisfies Command;

interface SimLine {
  readonly ready?: boolean;
  readonly event?: string;
  readonly socket?: string;
  readonly busid?: string;
}

class Attachment {
  readonly #ring3: Ring3;
  readonly #manager: ManagerConnection;
  readonly #sim: ChildProcess;
  #port: string | null;
  #socket = "";
  /** What is plugged in now; null: nothing. */
  #plugged: string | null = null;
  /** Plugging and unplugging reach the manager one after the other. */
  #work: Promise<void> = Promise.resolve();
  /** The device ids have been printed: nothing is before. */
  readonly #introduced = Promise.withResolvers<void>();
  #fail: (error: unknown) => void = () => {};

  constructor(ring3: Ring3, manager: ManagerConnection, sim: ChildProcess, port: string | undefined) {
    this.#ring3 = ring3;
    this.#manager = manager;
    this.#sim = sim;
    this.#port = port ?? null;
  }

  /** 0 once asked to end; throws when the device or ring3 ends first. */
  async run(kind: string, stop: Promise<unknown>): Promise<number> {
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    onLine(this.#sim.stdout!, (line) => this.#heard(line));
    this.#manager.onResumed = async (ask) => {
      if (this.#plugged !== null) await ask("attach", this.#plug(this.#plugged)); // it unplugs what nobody says is plugged in
    };
    this.#sim.stdin!.on("error", () => {}); // its end is reported as such
    onLine(process.stdin, (line) => void this.#sim.stdin!.write(`${line}\n`));
    const simEnded = ended(this.#sim).then((how) => {
      if (how === "exit code 2") return 2; // it has said what is wrong with its options
      throw sentence("disconnected", `simulated ${kind} ended (${how})`);
    });
    const managerEnded = (
      this.#manager.signal.aborted ? Promise.resolve() : once(this.#manager.signal, "abort")
    ).then(() => {
      throw sentence("disconnected", `simulated ${kind}: ring3 in ${this.#ring3.directory} ended`);
    });
    simEnded.catch(() => {});
    managerEnded.catch(() => {});
    return Promise.race([stop.then(() => 0), simEnded, managerEnded, failed]);
  }

  #heard(line: string): void {
    const said = parse(line);
    if (said?.ready === true) {
      this.#socket = said.socket!;
      this.#do(() => this.#attach(said.busid!, true));
    } else if (said?.event === "plugged") {
      this.#do(() => this.#attach(said.busid!, false));
    } else if (said?.event === "unplugged") {
      this.#do(() => this.#detach());
    }
    if (said?.ready !== true) void this.#introduced.promise.then(() => this.#ring3.print(printable(line)));
  }

  #do(step: () => Promise<unknown>): void {
    this.#work = this.#work.then(step).then(() => {}, this.#fail);
  }

  #plug(busid: string) {
    return { transport: "usbip", socket: this.#socket, busid, port: this.#port } as const;
  }

  async #attach(busid: string, first: boolean): Promise<void> {
    const { port, devices } = await this.#manager.ask("attach", this.#plug(busid));
    this.#port = port;
    this.#plugged = busid;
    if (!first) return;
    const ids = await this.#drivenFirst(devices);
    this.#ring3.show({ devices: ids, port }, ids.join("\n"));
    this.#introduced.resolve();
  }

  /** A controller's first interface may be its sound, which no driver wants: whoever takes the first line means the controller. */
  async #drivenFirst(ids: readonly string[]): Promise<string[]> {
    const { devices } = await this.#manager.ask("status", {});
    const driven = new Set(devices.flatMap(({ id, driver }) => (driver === null ? [] : [id])));
    return [...ids.filter((id) => driven.has(id)), ...ids.filter((id) => !driven.has(id))];
  }

  async #detach(): Promise<void> {
    this.#plugged = null;
    await this.#manager.ask("detach", { port: this.#port! });
  }
}

function parse(line: string): SimLine | undefined {
  try {
    return JSON.parse(line) as SimLine;
  } catch {
    return undefined;
  }
}
