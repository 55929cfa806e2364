// Runs in: lab guest, in tests. Owns: a program, with those that it starts, that goes on while the test talks to it, line by line.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { scaled } from "../timing.ts";
import { within } from "./patience.ts";

const WAIT_MS = 1000;

export class Talker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #name: string;
  /** What it has said and nobody has taken. */
  readonly #heard: string[] = [];
  #look = (): void => {};

  /** `fds`: of this process, its descriptors from 3 on. */
  constructor(command: string, args: readonly string[], fds: readonly number[] = []) {
    this.#name = command;
    this.#child = spawn(command, args, {
      stdio: ["pipe", "pipe", "inherit", ...fds],
      detached: true, // a group of its own
    });
    this.#ended = once(this.#child, "close"); // nobody has its output any more
    createInterface(this.#child.stdout!).on("line", (line) => {
      this.#heard.push(line);
      this.#look();
    });
  }

  say(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** The first line that `read` makes something of, and all before it are taken. */
  async hears<T>(what: string, read: (line: string) => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const failed = () => reject(new Error(`${this.#name}: no ${what}; it said: ${this.#heard.join("\n")}`));
    const limit = setTimeout(failed, scaled(WAIT_MS));
    this.#look = () => {
      for (const [place, line] of this.#heard.entries()) {
        const found = read(line);
        if (found === undefined) continue;
        this.#heard.splice(0, place + 1);
        this.#look = () => {}; // the next lines are the next caller's
        return resolve(found);
      }
    };
    this.#look();
    try {
      return await promise;
    } finally {
      clearTimeout(limit);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) process.kill(-this.#child.pid!, "SIGKILL");
    await this.#end();
  }

  /** Its exit code, once it has ended by itself. */
  async ended(): Promise<number | null> {
    await this.#end();
    return this.#child.exitCode;
  }

  #end(): Promise<unknown> {
    return within(this.#ended, () => `the end of ${this.#name}; it said: ${this.#heard.join("\n")}`);
  }
}
