// Runs in: console. Owns: its server, one process after the other, and the secrets by which browsers are let in.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { sentence } from "@ring3/control/sentence";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";
import type { Fault, Workload } from "./edge.ts";
import { type ConsoleStreams, consoleStreams } from "./streams.ts";

/** One that served for so long was not in vain. */
const HEALTHY_MS = 5000;
/** Before the second start in a row, and twice that each time. */
const PAUSE_MS = 200;
const VAIN_MAX = 6;

export interface ServerOptions {
  /** The server's code. */
  readonly program: string;
  readonly directory: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly control: boolean;
  /** Only in a demo: breaks a device. */
  readonly fault?: (device: string, fault: Fault) => Promise<void>;
  /** Once it serves; in a demo also whenever the last one has been used. */
  readonly address: (url: string) => void;
  /** What it has said on its standard error, a line each, made printable. */
  readonly said: (line: string) => void;
  readonly clock: Clock;
}

const secret = (bytes: number) => randomBytes(bytes).toString("hex");
const newToken = () => secret(16);

export class ServerKeeper {
  readonly #options: ServerOptions;
  readonly #key = secret(32);
  #token = newToken();
  #port: number;
  #process: ChildProcess | undefined;
  #streams: ConsoleStreams | undefined;
  #told = false;
  #closed = false;
  /** Why it cannot be started, in its own words. */
  #refusal: string | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  /** Runs until it is closed; rejects where it cannot be had, or where ring3 has ended. One that dies is followed by another. */
  async run(): Promise<void> {
    const { clock } = this.#options;
    for (let vain = 0; !this.#closed; vain++) {
      const started = clock.now();
      const how = await this.#once().catch((error: Error) => error.message); // the manager may be dying, and another take its place
      if (this.#closed) return;
      if (this.#refusal !== undefined)
        throw sentence(
          "busy",
          `console: port ${this.#port} of 127.0.0.1 cannot be had: ${this.#refusal}; choose another with --port`,
        );
      if (clock.now() - started > HEALTHY_MS) vain = 0;
      if (vain >= VAIN_MAX) throw sentence("internal", `console: its process ends at once (${how})`);
      const pause = vain === 0 ? 0 : PAUSE_MS * 2 ** (vain - 1);
      await new Promise<void>((resolve) => clock.after(pause, resolve));
    }
  }

  async #once(): Promise<string> {
    const { program, directory, control, fault } = this.#options;
    const streams = await consoleStreams(
      directory,
      control,
      {
        begin: () => ({ token: this.#token, key: this.#key, control, demo: fault !== undefined }),
        fault: async ({ device, fault: which }) => {
          if (fault === undefined) throw new DeviceError("denied", "only a demo breaks devices");
          await fault(device, which);
          return {};
        },
      },
      {
        listening: ({ port }) => {
          this.#port = port;
          if (!this.#told) this.#options.address(this.url);
          this.#told = true;
        },
        refused: ({ text }) => {
          this.#refusal = text;
        },
        used: () => {
          this.#token = newToken();
          if (fault !== undefined) this.#options.address(this.url); // nobody can ask a demo for it
          this.#streams?.link.notify("token", { token: this.#token });
        },
      },
    );
    if (this.#closed) {
      streams.release();
      streams.link.close();
      return "asked to end";
    }
    this.#streams = streams;
    const env = { PATH: process.env.PATH, LANG: "C.UTF-8" };
    const epoch = secret(6);
    const child = spawn(process.execPath, ["--disable-sigusr1", program, String(this.#port), epoch], {
      stdio: ["ignore", "ignore", "pipe", ...streams.theirs],
      env,
      detached: true, // a Ctrl-C is ours to pass on, in order
    });
    streams.release();
    this.#process = child;
    createInterface({ input: child.stderr! }).on("line", (line) => this.#options.said(printable(line)));
    try {
      const [code, signal] = (await once(child, "close")) as [number | null, string | null];
      return signal ?? `exit code ${code}`;
    } finally {
      streams.link.close();
      this.#process = undefined;
    }
  }

  /** Good for one browser. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/?token=${this.#token}`;
  }

  /** Of a demo: for the pages. */
  workload(workload: Workload): void {
    this.#streams?.link.notify("workload", workload);
  }

  close(): void {
    this.#closed = true;
    this.#process?.kill("SIGTERM");
  }
}
