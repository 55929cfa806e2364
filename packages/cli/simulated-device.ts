// Runs in: CLI. Owns: one simulated device, a process of its own, and its plug in a ring3 that the command has started.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ClientEdge, ManagerConnection } from "@ring3/client/manager-connection";
import type { Params } from "@ring3/control/edge";
import { sentence } from "@ring3/control/sentence";
import { ended, onLine } from "./lines.ts";

const sims = fileURLToPath(new URL("../../sims/", import.meta.url));

export type Attachment = Params<ClientEdge, "attach">;

/** What it is plugged into. */
export interface Socketed {
  /** For the device's socket. */
  readonly folder: string;
  readonly manager: Pick<ManagerConnection, "ask">;
  /** What is plugged in; a manager after the first has to be told. */
  readonly plugs: Set<Attachment>;
}

/** What it prints. */
interface Line {
  readonly ready?: boolean;
  readonly event?: string;
  readonly ok?: boolean;
  readonly error?: string;
}

export class SimulatedDevice {
  readonly #ring3: Socketed;
  readonly #kind: string;
  readonly #plug: { transport: "usbip"; socket: string; busid: string; port: string };
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  /** Rejects when its process has ended. */
  readonly over: Promise<never>;
  readonly #answers: ((line: Line) => void)[] = [];
  /** Plugging and unplugging reach the manager one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  /** `options`: as the README of its kind says. Nothing is plugged in yet. */
  constructor(ring3: Socketed, kind: string, port: string, options: readonly string[]) {
    this.#ring3 = ring3;
    this.#kind = kind;
    const socket = join(ring3.folder, `${port}.sock`);
    this.#plug = { transport: "usbip", socket, busid: "1-1", port };
    this.#child = spawn(process.execPath, [join(sims, kind, "main.ts"), "--listen", socket, ...options], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true, // a Ctrl-C is the command's to handle
    });
    this.#child.stdin!.on("error", () => {}); // its end is told to whoever waits for it
    this.over = ended(this.#child).then((how) => {
      throw sentence("internal", `simulated ${kind} ${port} ended (${how})`);
    });
    this.over.catch(() => {});
    this.#ready = new Promise((resolve) =>
      onLine(this.#child.stdout!, (text) => this.#heard(JSON.parse(text), resolve)),
    );
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get kind(): string {
    return this.#kind;
  }

  get port(): string {
    return this.#plug.port;
  }

  #heard(line: Line, ready: () => void): void {
    if (line.ready === true) ready();
    else if (line.event === "plugged") this.#do(() => this.#attach());
    else if (line.event === "unplugged") this.#do(() => this.#detach());
    else if (line.ok !== undefined) this.#answers.shift()!(line);
  }

  #do(step: () => Promise<unknown>): void {
    this.#work = this.#work.then(step).catch(() => {}); // unplugged meanwhile, or ring3 has ended: both are noticed elsewhere
  }

  async plug(): Promise<void> {
    await Promise.race([this.#ready, this.over]);
    await this.#attach();
  }

  async #attach(): Promise<void> {
    await this.#ring3.manager.ask("attach", this.#plug);
    this.#ring3.plugs.add(this.#plug);
  }

  async #detach(): Promise<void> {
    this.#ring3.plugs.delete(this.#plug);
    await this.#ring3.manager.ask("detach", { port: this.#plug.port });
  }

  /** A command for its standard input, such as "fault hang@3". */
  async say(command: string): Promise<void> {
    const answered = new Promise<Line>((resolve) => this.#answers.push(resolve));
    this.#child.stdin!.write(`${command}\n`);
    const { ok, error } = await Promise.race([answered, this.over]);
    if (ok !== true) throw sentence("internal", `simulated ${this.#kind}, "${command}": ${error}`);
  }

  async end(): Promise<void> {
    this.#child.kill("SIGTERM");
    await ended(this.#child);
  }
}
