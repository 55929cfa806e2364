// Runs in: lab guest, in tests. Owns: a simulated input device in a process of its own, plugged into this kernel or into a ring3.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";
import type { RunningRing3 } from "../../packages/cli/running-ring3.fixture.ts";
import { until, within } from "./patience.ts";
import { attach } from "./vhci.ts";

const BUSID = "1-1";
const PLAY_MS = 6000; // the longest script, at its slowest, takes one of the guest's two minutes

/** What a sim prints (sims/input/README.md). */
interface Said {
  readonly ready?: boolean;
  readonly ok?: boolean;
  readonly event?: string;
  readonly observed?: string;
}

export class SimulatedInput implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
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
    this.#ended = once(this.#process, "close");
    createInterface({ input: this.#process.stdout! }).on("line", (line) => this.#hear(line));
  }

  async plugIntoKernel(): Promise<this> {
    await this.#isReady();
    await attach(this.#socket, BUSID);
    return this;
  }

  /** Resolves with the ids of its devices. */
  async plugIntoRing3({ manager }: RunningRing3): Promise<readonly string[]> {
    await this.#isReady();
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
    return within(answer.promise, () => `an answer of the sim to "${line}"`, PLAY_MS);
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
    await within(this.#ended, () => "the sim's end");
    rmSync(this.#folder, { recursive: true });
  }

  #isReady(): Promise<void> {
    return within(this.#ready.promise, () => "the sim's readiness");
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
