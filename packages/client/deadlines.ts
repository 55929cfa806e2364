// Runs in: a client. Owns: how long the requests in flight may still take, and the cancels sent for those that took too long.

import type { Clock, Timer } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import type { Entry } from "./journal.ts";

/** How often they are looked at, while anything is in flight; more often where a driver has less time to let go of a request. */
const SWEEP_MS = 100;

export interface DeadlineActions {
  /** Asks the driver to abort a request; false where it cannot be asked now. */
  cancel(tag: number): boolean;
  /** Cancelling did not help. */
  overdue(text: string): void;
}

export class Deadlines<C extends Contract> {
  readonly #inFlight: ReadonlyMap<number, Entry<C>>;
  readonly #clock: Clock;
  readonly #actions: DeadlineActions;
  /** What a cancelled request may still take before its driver counts as hung. */
  cancelMs = Number.POSITIVE_INFINITY;
  #lastAnswer = 0;
  #sweep: Timer | undefined;
  /** Since when the driver does nothing: it is at rest, a debugger holds it, or it is being ended. */
  #pausedAt: number | undefined;

  constructor(inFlight: ReadonlyMap<number, Entry<C>>, clock: Clock, actions: DeadlineActions) {
    this.#inFlight = inFlight;
    this.#clock = clock;
    this.#actions = actions;
  }

  /** Something was sent. */
  watch(): void {
    if (this.#sweep !== undefined || this.#pausedAt !== undefined || this.#inFlight.size === 0) return;
    this.#sweep = this.#clock.after(Math.min(SWEEP_MS, this.cancelMs), () => {
      this.#sweep = undefined;
      this.#check();
      this.watch();
    });
  }

  /** Time stands still for the requests in flight while the driver is held. */
  paused(held: boolean): void {
    const now = this.#clock.now();
    if (held) {
      this.#pausedAt ??= now;
      this.#sweep?.cancel();
      this.#sweep = undefined;
    } else if (this.#pausedAt !== undefined) {
      const held = now - this.#pausedAt;
      for (const { flight } of this.#inFlight.values()) {
        flight!.sentAt = Math.min(now, flight!.sentAt + held);
        if (flight!.cancelledAt !== undefined) flight!.cancelledAt += held;
      }
      this.#lastAnswer += held;
      this.#pausedAt = undefined;
      this.watch();
    }
  }

  answered(): void {
    this.#lastAnswer = this.#clock.now();
  }

  /** Sent once a flight; asked for again with the next sweep where it cannot be sent now. */
  cancel({ tag, flight }: Entry<C>): void {
    if (flight!.cancelledAt === undefined && this.#actions.cancel(tag))
      flight!.cancelledAt = this.#clock.now();
  }

  /** A request's time runs while nothing is answered; and at the latest after all those ahead of it may have used theirs. */
  #check(): void {
    const now = this.#clock.now();
    for (const entry of this.#inFlight.values()) {
      const { sentAt, ahead, cancelledAt } = entry.flight!;
      const quiet = Math.max(sentAt, this.#lastAnswer) + entry.deadlineMs;
      const deadline = Math.min(quiet, sentAt + entry.deadlineMs * (ahead + 1));
      if (entry.cancelled && cancelledAt === undefined) this.cancel(entry);
      if (now < deadline) continue;
      if (cancelledAt === undefined) this.cancel(entry);
      else if (now >= Math.max(cancelledAt, deadline) + this.cancelMs)
        return this.#actions.overdue(`${entry.name} passed its deadline of ${entry.deadlineMs} ms`);
    }
  }
}
