// Runs in: tests. Owns: a whole ring3 of its own, the simulated drives plugged into it, and the folder that they all live in.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connectToManager } from "@ring3/client/connect";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import type { clientEdge } from "@ring3/control/client-edge";
import type { Params } from "@ring3/control/edge";
import { type DeviceState, type DeviceStatus, parseStatus, type Status } from "@ring3/control/status";

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
export const repository = pathOf("../../");
const main = pathOf("./main.ts");
const usbDrive = pathOf("../../sims/usb-drive/main.ts");

/** How long anything may take that has no time of its own; a machine under load is slow, not broken. */
export const PATIENCE_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end. `input` goes to its standard input. */
export async function run(
  file: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; uid?: number; gid?: number; input?: string } = {},
): Promise<Ended> {
  const { input = "", env = process.env, ...user } = options;
  const child = spawn(file, args, {
    env: { ...env, NODE_TEST_CONTEXT: undefined },
    ...user,
    timeout: PATIENCE_MS,
  });
  const [out, err] = [collected(child.stdout), collected(child.stderr)];
  child.stdin.on("error", () => {}).end(input); // some programs end without reading it
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, out: out(), err: err() };
}

function collected(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

/** `ring3 VERB …`, to its end. */
export function cli(...args: string[]): Promise<Ended> {
  return run(process.execPath, [main, ...args]);
}

export interface StartOptions {
  /** For `ring3 up`. */
  readonly args?: readonly string[];
  /** The text of its ring3.yaml. */
  readonly config?: string;
  /** A folder of bundles instead of build/, which `ring3 up` would start. */
  readonly program?: string;
  readonly stateDirectory?: string;
  /** Instead of the one that runs the tests. */
  readonly node?: string;
  /** A command that starts the command behind it: `unshare …`. */
  readonly under?: readonly string[];
}

export class RunningRing3 implements AsyncDisposable {
  readonly folder: string;
  readonly directory: string;
  readonly manager: ManagerConnection;
  readonly #child: ChildProcess;
  readonly #stderr: () => string;
  #awaited = false;
  readonly #drives: Drive[] = [];

  private constructor(folder: string, directory: string, child: ChildProcess, stderr: () => string) {
    this.folder = folder;
    this.directory = directory;
    this.#child = child;
    this.#stderr = stderr;
    this.manager = connectToManager(directory);
    this.manager.onResumed = async (ask) => {
      for (const { attachment } of this.#drives)
        if (attachment !== undefined) await ask("attach", attachment);
    };
  }

  /** Resolves once it has said "ready"; rejects with what it said on its standard error. */
  static async start({
    args = [],
    config,
    program,
    stateDirectory,
    node = process.execPath,
    under = [],
  }: StartOptions = {}): Promise<RunningRing3> {
    const folder = mkdtempSync(join(tmpdir(), "r3-")); // a socket's path takes 107 bytes
    const file = join(folder, "ring3.yaml");
    if (config !== undefined) writeFileSync(file, config);
    const configuration = config === undefined ? [] : ["--config", file];
    const directory = stateDirectory ?? join(folder, "state");
    const command =
      program === undefined
        ? [main, "up", "--state-dir", directory]
        : ["--enable-source-maps", join(program, "keeper.cjs"), directory];
    const line = [...under, node, ...command, ...configuration, ...args] as [string, ...string[]];
    const child = spawn(line[0], line.slice(1), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    });
    const stderr = collected(child.stderr);
    const ready = once(createInterface({ input: child.stdout }), "line");
    const ended = once(child, "close").then(([code, signal]) => {
      throw new Error(`ring3 ended (${signal ?? code}): ${stderr()}`);
    });
    ended.catch(() => {});
    try {
      const [line] = (await Promise.race([ready, ended])) as [string];
      assert.equal(line, "ready");
    } catch (error) {
      child.kill("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    return new RunningRing3(folder, directory, child, stderr);
  }

  get keeperPid(): number {
    return this.#child.pid!;
  }

  /** What keeper, manager and reflectors have said on their standard error. */
  get stderr(): string {
    return this.#stderr();
  }

  /** Nobody listens to what it says from here on: its standard output and error are pipes that nobody reads. */
  deafen(): void {
    this.#child.stdout!.destroy();
    this.#child.stderr!.destroy();
  }

  /** `ring3 VERB …` for this one. */
  cli(verb: string, ...args: string[]): Promise<Ended> {
    return cli(verb, ...args, "--state-dir", this.directory);
  }

  async status(): Promise<Status> {
    return parseStatus(await this.manager.ask("status", {}));
  }

  async device(id: string): Promise<DeviceStatus> {
    const found = (await this.status()).devices.find((device) => device.id === id);
    assert.ok(found !== undefined, `no device ${id}`);
    return found;
  }

  /** Waits until the device is in that state, and fails with the state it is in instead. */
  async reached(id: string, state: DeviceState, timeoutMs = PATIENCE_MS): Promise<DeviceStatus> {
    const found = await this.manager.ask("wait", { device: id, state, timeoutMs });
    assert.equal(found.state, state, `${id} is ${found.state}: ${found.reason}`);
    return this.device(id);
  }

  /** Everything that the log has on a device, one line an entry. */
  async log(device: string): Promise<string> {
    const { entries } = await this.manager.ask("logs", { device, follow: false });
    return entries.map(({ level, message }) => `${level}: ${message}`).join("\n");
  }

  /** SIGKILL to its manager; resolves with the pid of the next one, once that serves. */
  async killManager(): Promise<number> {
    const { manager } = await this.status();
    process.kill(manager.pid, "SIGKILL");
    const next = (await this.status()).manager.pid; // asked of whoever answers
    assert.notEqual(next, manager.pid);
    return next;
  }

  /** A drive with an image of its own, plugged in at the port of that name. Its device id is `usb-NAME:1.0`. */
  async plug(name: string, ...args: string[]): Promise<Drive> {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    const drive = new Drive(name, folder, args, this.manager);
    this.#drives.push(drive);
    await drive.plugged;
    return drive;
  }

  /** Its end, where a test has caused that. */
  async ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null; err: string }> {
    this.#awaited = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "close");
    return { code: this.#child.exitCode, signal: this.#child.signalCode, err: this.stderr };
  }

  /** Stops all in order. Keeper, manager and reflectors must have lived until now, unless `ended` was asked for. */
  async stop(): Promise<void> {
    this.manager.disconnect();
    for (const drive of this.#drives) await drive.end();
    const { exitCode, signalCode } = this.#child;
    const died = exitCode !== null || signalCode !== null;
    if (!died) {
      this.#child.kill("SIGTERM");
      await once(this.#child, "close");
    }
    rmSync(this.folder, { recursive: true, force: true });
    if (this.#awaited) return;
    assert.deepEqual([died, this.#child.exitCode, this.#child.signalCode], [false, 0, null], this.stderr);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

type Line = Readonly<Record<string, unknown>>;

/** One simulated drive, a process of its own. */
export class Drive {
  readonly device: string;
  readonly image: string;
  readonly process: ChildProcess;
  /** Resolves when ring3 knows the device. */
  readonly plugged: Promise<void>;
  /** While it is plugged in: what a manager is told of it. */
  attachment: Params<typeof clientEdge, "attach"> | undefined;
  readonly #name: string;
  readonly #socket: string;
  readonly #manager: ManagerConnection;
  readonly #answers: ((line: Line) => void)[] = [];
  #work: Promise<unknown>;

  constructor(name: string, folder: string, args: readonly string[], manager: ManagerConnection) {
    this.#name = name;
    this.#manager = manager;
    this.device = `usb-${name}:1.0`;
    this.image = join(folder, "disk.img");
    this.#socket = join(folder, "s");
    const medium = args.includes("--create") ? [] : ["--create", "4M"];
    this.process = spawn(
      process.execPath,
      [usbDrive, "--listen", this.#socket, "--image", this.image, ...medium, ...args],
      { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, NODE_TEST_CONTEXT: undefined } },
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#work = promise;
    this.plugged = promise.then(() => this.#attach());
    createInterface({ input: this.process.stdout! }).on("line", (text) => {
      const line = JSON.parse(text) as Line;
      if (line.ready === true) resolve();
      else if (line.event === "plugged") this.#do(() => this.#attach());
      else if (line.event === "unplugged") this.#do(() => this.#detach());
      else if ("command" in line) this.#answers.shift()!(line);
    });
  }

  #do(step: () => Promise<unknown>): void {
    this.#work = this.#work.then(step).catch(() => {}); // the manager may have been stopped before
  }

  async #attach(): Promise<void> {
    const attachment = { transport: "usbip", socket: this.#socket, busid: "1-1", port: this.#name } as const;
    await this.#manager.ask("attach", attachment);
    this.attachment = attachment;
  }

  async #detach(): Promise<void> {
    this.attachment = undefined;
    await this.#manager.ask("detach", { port: this.#name });
  }

  /** A command of the simulated drive, such as "fault hang@3". */
  async say(command: string): Promise<void> {
    const answer = new Promise<Line>((resolve) => this.#answers.push(resolve));
    this.process.stdin!.write(`${command}\n`);
    assert.equal((await answer).ok, true, command);
  }

  /** Bytes of its image file. */
  bytes(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    const fd = openSync(this.image, "r");
    assert.equal(readSync(fd, bytes, 0, length, offset), length);
    closeSync(fd);
    return bytes;
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill("SIGKILL");
    await once(this.process, "close");
  }
}
