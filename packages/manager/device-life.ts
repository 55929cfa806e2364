// Runs in: manager. Owns: the state of a device's life, and what moves it on by itself: a back-off that is over, ten seconds in health.
import type { Clock, Random, Timer } from "@ring3/core/clock";
import {
  backoffMs,
  type FailureReason,
  hasHost,
  isFinal,
  type Life,
  type LifeEvent,
  limits,
  newLife,
  next,
  setbacks,
} from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import type { Steps } from "./steps.ts";

export interface DeviceLifeParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly steps: Steps;
}

export interface DeviceLifeObserver {
  /** What the state before had ends, and what the new one has begins. */
  moved(before: Life, after: Life, event: LifeEvent): void;
  /** It has all that, and whoever waits for it may know. */
  reached(before: Life, after: Life): void;
  /** What comes is the last attempt. */
  lastAttempt(): void;
}

export class DeviceLife {
  readonly #parts: DeviceLifeParts;
  readonly #observer: DeviceLifeObserver;
  #now: Life = newLife;
  #lastFailure: FailureReason | undefined;
  #later: Timer | undefined;
  #healthy: Timer | undefined;

  constructor(parts: DeviceLifeParts, observer: DeviceLifeObserver) {
    this.#parts = parts;
    this.#observer = observer;
  }

  get now(): Life {
    return this.#now;
  }

  /** Why there is another driver after the last one. */
  get lastFailure(): FailureReason | undefined {
    return this.#lastFailure;
  }

  inherit(life: Life, lastFailure: FailureReason | undefined): void {
    this.#now = life;
    this.#lastFailure = lastFailure;
    if (life.state === "failed" && life.fenced) this.#startLater();
  }

  /** A new enumeration: a new chain of incarnations. */
  anew(): void {
    this.#now = newLife;
  }

  apply(event: LifeEvent): void {
    const { steps } = this.#parts;
    const before = this.#now;
    const after = next(before, event);
    if (after === before) return;
    this.#now = after;
    this.#later?.cancel();
    if (event.type === "failed") this.#noteFailure(event.reason);
    if (event.type === "stop" || event.type === "restart") this.#lastFailure = undefined;
    if (hasHost(before) && !hasHost(after)) this.#healthy?.cancel();
    this.#observer.moved(before, after, event);
    if (after.state === "failed" && after.fenced) this.#startLater();
    if (isFinal(after) || (after.state === "unmatched" && after.fenced)) steps.rests();
    if (after.state === "running" && before.state === "starting") {
      steps.add(after.incarnation, "running");
      this.becomesHealthy();
    }
    this.#observer.reached(before, after);
  }

  /** Unless its driver ends before. */
  becomesHealthy(): void {
    this.#healthy = this.#parts.clock.after(limits.healthyMs, () => this.apply({ type: "progress" }));
  }

  close(): void {
    this.#later?.cancel();
  }

  #noteFailure(reason: FailureReason): void {
    this.#lastFailure = reason;
    this.#parts.log.warn(`driver failed: ${reason.kind}: ${reason.text}`, { outside: reason.outside });
  }

  #startLater(): void {
    const { clock, random, steps } = this.#parts;
    const { incarnation, failures } = this.#now;
    const delay = backoffMs(setbacks(this.#now), random);
    steps.add(incarnation, "back-off", `the next start comes in ${Math.round(delay)} ms`);
    if (failures === limits.failures - 1) this.#observer.lastAttempt();
    this.#later = clock.after(delay, () => this.apply({ type: "start" }));
  }
}
