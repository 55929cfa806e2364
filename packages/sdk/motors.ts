// Runs in: driver host, in a driver's code. Owns: when the motors of a game controller stop.
import type { Gamepad } from "@ring3/classes/gamepad/contract";
import type { Input } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import type { Context } from "./define.ts";
import type { Wait } from "./wait.ts";

/** How long a device may take to stop them when nobody waits for that. */
const STOP_MS = 1000;

/** Tells the device; both from 0 to 65535, for `durationMs` unless it is told otherwise before. */
export type SendRumble = (strong: number, weak: number, durationMs: number, wait: Wait) => Promise<void>;

/** For the operation `rumble` of game controllers: what runs stops after its time, at a rest (`stop`) and at remove (`ctx.scope.use`). */
export class Motors implements AsyncDisposable {
  readonly #ctx: Pick<Context, "sleep" | "limit" | "signal" | "log">;
  readonly #send: SendRumble;
  /** Aborted: something else was wanted before what runs was over. */
  #running = new AbortController();

  constructor(ctx: Pick<Context, "sleep" | "limit" | "signal" | "log">, send: SendRumble) {
    this.#ctx = ctx;
    this.#send = send;
  }

  /** In place of what they did before. */
  async run({ strong, weak, durationMs }: Input<Gamepad, "rumble">, wait: Wait): Promise<void> {
    const stops = durationMs === 0 || (strong === 0 && weak === 0);
    if (stops) return await this.stop(wait);
    this.#running.abort();
    const running = new AbortController();
    this.#running = running;
    await this.#send(strong, weak, durationMs, wait);
    void this.#stopAfter(durationMs, running.signal);
  }

  /** At the start too: an earlier driver may have left them running. */
  async stop(wait?: Wait): Promise<void> {
    this.#running.abort();
    using limit = this.#ctx.limit(STOP_MS, wait);
    await this.#send(0, 0, 0, limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settle(() => this.stop({}));
  }

  async #stopAfter(ms: number, other: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([other, this.#ctx.signal]);
    await this.#ctx.sleep(ms, { signal }).catch(() => undefined); // nothing but `signal` ends it
    if (!signal.aborted) await this.#settle(() => this.stop({}));
  }

  /** A device that is gone does not run any more. */
  async #settle(stop: () => Promise<void>): Promise<void> {
    try {
      await stop();
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (error.kind !== "disconnected") this.#ctx.log.warn(`motors not stopped: ${error.message}`);
    }
  }
}
