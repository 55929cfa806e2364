// Runs in: lab guest, in tests. Owns: a simulated input device in a process of its own, plugged into this kernel or into a ring3.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";
import type { RunningRing3 } from "../../packages/cli/running-ring3.fixture.ts";
import { until } from "./event-node.ts";
import { attach } from "./vhci.ts";

const BUSID = "1-1";

/** What a sim prints (sims/input/README.md). */
interface Said {
  readonly ready?: boolean;
  readonly ok?: boolean;
  readonly event?: string;
  readonly observed?: string;
}

export class SimulatedInput implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), "sim-"));
  readonly #socket = join(this.#folder, "usbip");
  readonly #ready = Promise.withResolvers<void>();
  readonly #answers: PromiseWithResolvers<void>[] = [];
  /** What has reached the device, in its order. */
  readonly observed: Said[] = [];
  #files = 0;
  /** Where a ring3 has it plugged in: in the same place again it is the same device. */
  #port: string | null = null;

  /** `script` is played from when somebody first reads the device. */
  constructor(kind: string, model: string, { script = "", options = [] as readonly string[] } = {}) {
    const args = ["--listen", this.#socket, "--model", model, "--port", BUSID, "--report", ...options];
    if (script !== "") args.push("--script", this.#written(script));
    this.#process = spawn(process.execPath, [`sims/${kind}/main.ts`, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#process.stdout! }).on("line", (line) => this.#hear(line));
  }

  async plugIntoKernel(): Promise<this> {
    await this.#ready.promise;
    await attach(this.#socket, BUSID);
    return this;
  }

  /** Resolves with the ids of its devices. */
  async plugIntoRing3({ manager }: RunningRing3): Promise<readonly string[]> {
    await this.#ready.promise;
    const place = { transport: "usbip", socket: this.#socket, busid: BUSID, port: this.#port } as const;
    const { port, devices } = await manager.ask("attach", place);
    this.#port = port;
    return devices;
  }

  async unplugFromRing3({ manager }: RunningRing3): Promise<void> {
    await this.say("unplug");
    await manager.ask("detach", { port: this.#port! });
  }

  /** A step of a script, or a command. Resolves when it is done, rejects with what was wrong. */
  say(line: string): Promise<void> {
    const answer = Promise.withResolvers<void>();
    this.#answers.push(answer);
    this.#process.stdin!.write(`${line}\n`);
    return answer.promise;
  }

  /** Resolves at the script's end. */
  play(script: string): Promise<void> {
    return this.say(`play ${this.#written(script)}`);
  }

  /** Waits until something has reached the device; what `wanted` does not name does not matter. */
  observes(wanted: object): Promise<void> {
    return until(
      () => this.observed.some((each) => isDeepStrictEqual({ ...each, ...wanted }, each)),
      () => `${JSON.stringify(wanted)} at the device; observed ${JSON.stringify(this.observed)}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin!.end();
    if (this.#process.exitCode === null) await once(this.#process, "close");
    rmSync(this.#folder, { recursive: true });
  }

  #written(script: string): string {
    const file = join(this.#folder, `script-${this.#files++}.txt`);
    writeFileSync(file, script);
    return file;
  }

  #hear(line: string): void {
    const said = JSON.parse(line) as Said;
    if (said.ready) this.#ready.resolve();
    else if (said.observed !== undefined) this.observed.push(said);
    else if (said.ok === true) this.#answers.shift()!.resolve();
    else if (said.ok === false) this.#answers.shift()!.reject(new Error(line));
  }
}
