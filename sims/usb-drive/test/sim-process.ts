// Runs in: tests. Owns: one sim process, its scratch folder and the connections made to it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { none, sense, testUnitReady } from "./bulk-only-host.ts";
import { UsbipClient } from "./usbip-client.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
export const IMAGE_BYTES = 8 * 1048576;

type Line = Record<string, unknown>;

export function scratch(): { path: (name: string) => string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(join(tmpdir(), "usb-drive-"));
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs to its end: for command lines that are refused. */
export async function runToEnd(...args: string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stderr };
}

export class Sim {
  readonly image: string;
  readonly socket: string;
  readonly stderr: string[] = [];
  readonly ready: Promise<Line>;
  readonly exited: Promise<number | null>;
  readonly #scratch = scratch();
  readonly #child: ChildProcess;
  readonly #clients: UsbipClient[] = [];
  readonly #lines: Line[] = [];
  #waiting: { match: (line: Line) => boolean; resolve: (line: Line) => void }[] = [];

  constructor(args: readonly string[] = [], options: { imageBytes?: number; content?: Uint8Array } = {}) {
    this.image = this.#scratch.path("disk.img");
    this.socket = this.#scratch.path("usbip.sock");
    writeFileSync(this.image, options.content ?? new Uint8Array(0));
    truncateSync(this.image, options.imageBytes ?? IMAGE_BYTES);
    const all = [MAIN, "--listen", this.socket, "--image", this.image, ...args];
    this.#child = spawn(process.execPath, all, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr!.on("data", (chunk) => this.stderr.push(String(chunk)));
    createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#hear(JSON.parse(line)));
    this.exited = new Promise((resolve) => this.#child.once("close", resolve));
    this.ready = this.#next((line) => line.ready === true);
  }

  /** An imported stream. */
  async connect(): Promise<UsbipClient> {
    await this.ready;
    const client = new UsbipClient(this.socket, "1-1");
    this.#clients.push(client);
    await client.importStatus;
    return client;
  }

  /** An imported stream whose unit attention was heard. */
  async connectReady(): Promise<UsbipClient> {
    const client = await this.connect();
    await none(client, testUnitReady);
    await sense(client);
    return client;
  }

  command(line: string): Promise<Line> {
    const name = line.split(" ")[0];
    const answer = this.#next((each) => each.command === name);
    this.#child.stdin!.write(`${line}\n`);
    return answer;
  }

  event(name: string): Promise<Line> {
    return this.#next((line) => line.event === name);
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
    this.#scratch[Symbol.dispose]();
  }

  #hear(line: Line): void {
    this.#lines.push(line);
    this.#deliver();
  }

  #next(match: (line: Line) => boolean): Promise<Line> {
    return new Promise((resolve) => {
      this.#waiting.push({ match, resolve });
      this.#deliver();
    });
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
