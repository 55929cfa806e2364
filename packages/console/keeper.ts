// Runs in: console. Owns: its server, one process after the other, and the secrets by which browsers are let in.
import { randomBytes } from "node:crypto";
import { sentence } from "@ring3/control/sentence";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Fault, Followed, Workload } from "./edge.ts";
import type { ServerProcess, ServerStart } from "./server-process.ts";

/** One that served for so long was not in vain. */
const HEALTHY_MS = 5000;
/** Before the second start in a row, and twice that each time. */
const PAUSE_MS = 200;
const VAIN_MAX = 6;

export interface ServerOptions {
  readonly start: (start: ServerStart) => Promise<ServerProcess>;
  /** 0: any that is free. */
  readonly port: number;
  readonly control: boolean;
  /** Only in a demo: breaks a device. */
  readonly fault?: (device: string, fault: Fault) => Promise<Followed>;
  /** Once it serves; in a demo also whenever the last one has been used. */
  readonly address: (url: string) => void;
  readonly clock: Clock;
}

const secret = (bytes: number) => randomBytes(bytes).toString("hex");
const newToken = () => secret(16);

export class ServerKeeper {
  readonly #options: ServerOptions;
  readonly #key = secret(32);
  #token = newToken();
  #port: number;
  #link: ServerProcess["link"] | undefined;
  #told = false;
  readonly #closing = new AbortController();
  /** Why it cannot be started, in its own words. */
  #refusal: string | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  /** Runs until it is closed; rejects where it cannot be had, or where ring3 has ended. One that dies is followed by another. */
  async run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    for (let vain = 0; !signal.aborted; vain++) {
      const started = clock.now();
      const how = await this.#once().catch((error: Error) => error.message); // the manager may be dying, and another take its place
      if (signal.aborted) return;
      if (this.#refusal !== undefined)
        throw sentence(
          "busy",
          `console: port ${this.#port} of 127.0.0.1 cannot be had: ${this.#refusal}; choose another with --port`,
        );
      if (clock.now() - started > HEALTHY_MS) vain = 0;
      if (vain >= VAIN_MAX) throw sentence("internal", `console: its process ends at once (${how})`);
      await this.#pause(vain === 0 ? 0 : PAUSE_MS * 2 ** (vain - 1));
    }
  }

  async #once(): Promise<string> {
    const { start, control, fault, address } = this.#options;
    const server = await start({
      port: this.#port,
      handlers: {
        begin: () => ({ token: this.#token, key: this.#key, control, demo: fault !== undefined }),
        fault: async ({ device, fault: which }) => {
          if (fault === undefined) throw new DeviceError("denied", "only a demo breaks devices");
          return { followed: await fault(device, which) };
        },
      },
      tells: {
        listening: ({ port }) => {
          this.#port = port;
          if (!this.#told) address(this.url);
          this.#told = true;
        },
        refused: ({ text }) => {
          this.#refusal = text;
        },
        used: (_, server) => {
          this.#token = newToken();
          if (fault !== undefined) address(this.url); // nobody can ask a demo for it
          server.notify("token", { token: this.#token });
        },
      },
      signal: this.#closing.signal,
    });
    this.#link = server.link;
    try {
      return await server.ended;
    } finally {
      this.#link = undefined;
      server.link.close();
    }
  }

  /** Less where it is closed meanwhile. */
  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(ms, resolve);
    const { signal } = this.#closing;
    signal.addEventListener("abort", () => resolve());
    await promise;
    timer.cancel();
  }

  /** Good for one browser. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/?token=${this.#token}`;
  }

  /** Of a demo: for the pages. */
  workload(workload: Workload): void {
    this.#link?.notify("workload", workload);
  }

  close(): void {
    this.#closing.abort();
  }
}
