// Runs in: driver host, in a driver's code. Owns: when the motors of a game controller stop.
import type { Gamepad } from "@ring3/classes/gamepad/contract";
import type { Input } from "@ring3/core/contract";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { Changes } from "./changes.ts";
import type { Context } from "./define.ts";
import { tolerate } from "./tolerate.ts";
import type { Wait } from "./wait.ts";

/** How long a device may take to stop them when nobody waits for that, and after how long it is told again. */
const STOP_MS = 1000;

/** Tells the device; both from 0 to 65535, for `durationMs` unless it is told otherwise before. */
export type SendRumble = (strong: number, weak: number, durationMs: number, wait: Wait) => Promise<void>;

type MotorsContext = Pick<
  Context<Gamepad>,
  "sleep" | "limit" | "signal" | "log" | "emit" | "timestampUs" | "rests"
>;

/**
 * For the operation `rumble` of game controllers: what runs stops after its time, at a rest (`settle`) and at remove (`ctx.scope.use`). A stop that
 * fails is told again until the device has taken it, or rests. What the device has taken is told as `motors`.
 */
export class Motors implements AsyncDisposable {
  readonly #ctx: MotorsContext;
  readonly #send: SendRumble;
  /** Aborted: what it was to end has been stopped or replaced. Undefined: nothing runs that anybody knows of. */
  #end: AbortController | undefined;
  /** Settles when the device has been told, or could not be. */
  #telling: Promise<unknown> = Promise.resolve();
  /** What the device has taken last. */
  readonly #taken: Changes<Gamepad, "motors">;

  constructor(ctx: MotorsContext, send: SendRumble) {
    this.#ctx = ctx;
    this.#send = send;
    this.#taken = new Changes(ctx, "motors");
  }

  /** In place of what they did before. */
  async run({ strong, weak, durationMs }: Input<Gamepad, "rumble">, wait: Wait): Promise<void> {
    if (durationMs === 0 || (strong === 0 && weak === 0)) return await this.stop(wait);
    try {
      await this.#tell(strong, weak, durationMs, wait);
    } catch (error) {
      if (!isRefusal(error)) this.#stopAfter(0); // it may run all the same
      throw error;
    }
    this.#stopAfter(durationMs);
  }

  /** Rejects where the device does not take it; what runs then ends soon all the same. */
  async stop(wait?: Wait): Promise<void> {
    using limit = this.#ctx.limit(STOP_MS, wait);
    try {
      await this.#tell(0, 0, 0, limit);
    } catch (error) {
      if (this.#end !== undefined) this.#stopAfter(STOP_MS);
      throw error;
    }
    this.#end?.abort();
    this.#end = undefined;
  }

  /** Stops them at the start, for an earlier driver may have left them running, and at a rest. A device that has none may refuse: nothing is told again. */
  async settle(kinds?: readonly DeviceErrorKind[]): Promise<void> {
    await tolerate(this.#ctx.log, this.stop(), kinds);
    this.#end?.abort(); // at rest it is closed; the next start stops them
    this.#end = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end?.abort();
    try {
      await this.stop({});
    } catch (error) {
      this.#warn(error);
    }
  }

  #tell(strong: number, weak: number, durationMs: number, wait: Wait): Promise<void> {
    const telling = this.#send(strong, weak, durationMs, wait).then(() => this.#taken.tell({ strong, weak }));
    this.#telling = telling.catch(() => undefined); // told to whoever asked
    return telling;
  }

  #stopAfter(ms: number): void {
    this.#end?.abort();
    this.#end = new AbortController();
    void this.#keepStopping(ms, AbortSignal.any([this.#end.signal, this.#ctx.signal]));
  }

  async #keepStopping(ms: number, signal: AbortSignal): Promise<void> {
    for (let pauseMs = ms, tries = 0; ; pauseMs = STOP_MS, tries++) {
      await this.#ctx.sleep(pauseMs, { signal }).catch(() => undefined); // nothing but `signal` ends it
      await this.#telling; // it may be in place of this
      if (signal.aborted) return;
      using limit = this.#ctx.limit(STOP_MS, {});
      try {
        await this.#tell(0, 0, 0, limit);
        if (!signal.aborted) this.#end = undefined;
        return;
      } catch (error) {
        if (tries === 0) this.#warn(error);
        if (isGone(error)) return;
      }
    }
  }

  #warn(error: unknown): void {
    if (!(error instanceof DeviceError)) throw error;
    if (!isGone(error)) this.#ctx.log.warn(`motors not stopped: ${error.message}`);
  }
}

const isGone = (error: unknown): boolean => error instanceof DeviceError && error.kind === "disconnected";
/** It has heard and does not do it. */
const isRefusal = (error: unknown): boolean => error instanceof DeviceError && error.kind === "stall";
