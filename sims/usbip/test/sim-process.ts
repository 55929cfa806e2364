// Runs in: tests. Owns: one sim process, its scratch folder and the connections made to it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { UsbipClient } from "./usbip-client.ts";

type Line = Record<string, unknown>;

export interface Scratch extends Disposable {
  path(name: string): string;
}

export function scratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), "ring3-sim-"));
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs `main` to its end: for command lines that are refused. */
export async function runToEnd(
  main: string,
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    said.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    said.stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...said };
}

export class SimProcess {
  readonly scratch: Scratch;
  readonly socket: string;
  readonly stderr: string[] = [];
  readonly ready: Promise<Line>;
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #clients: UsbipClient[] = [];
  readonly #lines: Line[] = [];
  #waiting: { match: (line: Line) => boolean; resolve: (line: Line) => void }[] = [];

  constructor(main: string, args: readonly string[], folder = scratch()) {
    this.scratch = folder;
    this.socket = folder.path("usbip.sock");
    this.#child = spawn(process.execPath, [main, "--listen", this.socket, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stderr!.on("data", (chunk) => this.stderr.push(String(chunk)));
    createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#hear(JSON.parse(line)));
    this.exited = new Promise((resolve) => this.#child.once("close", resolve));
    this.ready = this.line((line) => line.ready === true);
  }

  /** An imported stream. */
  async connect(): Promise<UsbipClient> {
    await this.ready;
    const client = new UsbipClient(this.socket, "1-1");
    this.#clients.push(client);
    await client.importStatus;
    return client;
  }

  command(line: string): Promise<Line> {
    const name = line.split(" ")[0];
    const answer = this.line((each) => each.command === name);
    this.#child.stdin!.write(`${line}\n`);
    return answer;
  }

  event(name: string): Promise<Line> {
    return this.line((line) => line.event === name);
  }

  /** The first line that matches and was not taken yet, whenever it comes. */
  line(match: (line: Line) => boolean): Promise<Line> {
    return new Promise((resolve) => {
      this.#waiting.push({ match, resolve });
      this.#deliver();
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  endInput(): void {
    this.#child.stdin!.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    this.#child.kill("SIGKILL");
    await this.exited;
    this.scratch[Symbol.dispose]();
  }

  #hear(line: Line): void {
    this.#lines.push(line);
    this.#deliver();
  }

  #deliver(): void {
    this.#waiting = this.#waiting.filter(({ match, resolve }) => {
      const at = this.#lines.findIndex(match);
      if (at < 0) return true;
      resolve(this.#lines.splice(at, 1)[0]!);
      return false;
    });
  }
}
