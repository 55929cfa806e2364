// Runs in: driver host, sdk/test. Owns: how long a wait may take and who may end it early.
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";

/** What may end a wait early. A wait that is given none has the current request's. */
export interface Wait {
  readonly signal?: AbortSignal | undefined;
  /** Absolute, on the host's clock (`ctx.now()`), in milliseconds. */
  readonly deadlineMs?: number | undefined;
}

/** setTimeout's largest delay; later deadlines are looked at again when it has passed. */
const LONGEST_TIMER_MS = 0x7fff_ffff;

/**
 * A bounded stretch of time: its `signal` aborts, with a DeviceError as reason, at the deadline or when the wait around it ends.
 * Signal and timer are made on first use, so that a request answered at once costs neither.
 */
export class Limit implements Wait, Disposable {
  #deadlineMs: number;
  readonly #clock: Clock;
  readonly #outer: Wait | undefined;
  readonly #what: string;
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #reason: DeviceError | undefined;

  /** The deadline is never later than that of `outer`. */
  constructor(clock: Clock, deadlineMs: number, what: string, outer?: Wait) {
    this.#clock = clock;
    this.#deadlineMs = Math.min(deadlineMs, outer?.deadlineMs ?? Number.POSITIVE_INFINITY);
    this.#outer = outer;
    this.#what = what;
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** Of the request that this is a part of. */
  get requestId(): number | string | undefined {
    return this.#outer instanceof Limit ? this.#outer.requestId : undefined;
  }

  /** Sets the deadline of a limit that had none so far. */
  protected endBy(deadlineMs: number): void {
    this.#deadlineMs = deadlineMs;
    if (this.#controller !== undefined && this.over === undefined) this.#arm();
  }

  /** Why the time is up; undefined while it is not. */
  get over(): DeviceError | undefined {
    if (this.#reason === undefined) {
      const outer = this.#outerReason();
      if (outer !== undefined) this.abort(outer);
      else if (this.#clock.now() >= this.deadlineMs) this.abort(new DeviceError("timeout", this.#what));
    }
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    this.#controller = new AbortController();
    if (this.over !== undefined) this.#controller.abort(this.#reason);
    else {
      this.#outer?.signal?.addEventListener("abort", this.#outerAborted);
      this.#arm();
    }
    return this.#controller.signal;
  }

  abort(reason: DeviceError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this[Symbol.dispose]();
    this.#controller?.abort(reason);
  }

  /** Ends the watch; the signal does not abort any more by itself. */
  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    // Asking a lazy outer signal for its listeners would make it.
    if (this.#controller !== undefined) this.#outer?.signal?.removeEventListener("abort", this.#outerAborted);
  }

  #outerReason(): DeviceError | undefined {
    if (this.#outer instanceof Limit) return this.#outer.over; // does not make its signal
    const signal = this.#outer?.signal;
    return signal?.aborted ? abortReason(signal, this.#what) : undefined;
  }

  readonly #outerAborted = (): void => {
    this.abort(abortReason(this.#outer!.signal!, this.#what));
  };

  #arm(): void {
    if (!Number.isFinite(this.deadlineMs)) return;
    const left = Math.min(this.deadlineMs - this.#clock.now(), LONGEST_TIMER_MS);
    this.#timer = this.#clock.after(left, () => {
      if (this.over === undefined) this.#arm();
    });
  }
}

/** The reason of an aborted signal as a DeviceError, whoever aborted it. */
export function abortReason(signal: AbortSignal, what: string): DeviceError {
  return signal.reason instanceof DeviceError
    ? signal.reason
    : new DeviceError("cancelled", what, { cause: signal.reason });
}
