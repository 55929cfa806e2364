// Runs in: manager. Owns: the clock by which the steps of one device count, from what begins them (its driver's end, a first start, a change between rest and work).

import type { Step } from "@ring3/control/observation";
import type { Clock } from "@ring3/core/clock";

/** More than any recovery has; clients tell of some of them. */
const STEPS_MAX = 32;

export class Steps {
  readonly #clock: Clock;
  readonly #tell: (step: Omit<Step, "device">) => void;
  #sinceMs: number | undefined;
  #told = 0;

  constructor(clock: Clock, tell: (step: Omit<Step, "device">) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** A driver has ended, or is to; or it is asked to rest, or to work again. */
  begins(incarnation: number, step: "failed" | "ended" | "suspending" | "resuming", why = ""): void {
    this.#begin();
    this.add(incarnation, step, why);
  }

  /** Another is to start. */
  starts(incarnation: number): void {
    if (this.#sinceMs !== undefined) return;
    this.#begin();
    this.add(incarnation, "asked");
  }

  /** None follows unless somebody asks. */
  rests(): void {
    this.#sinceMs = undefined;
  }

  add(incarnation: number, step: Step["step"], detail = "", requests: number | null = null): void {
    if (this.#sinceMs === undefined || this.#told >= STEPS_MAX) return;
    this.#told++;
    const sinceMs = this.#clock.now() - this.#sinceMs;
    this.#tell({ timeMs: this.#clock.wallTime(), sinceMs, incarnation, step, detail, requests });
  }

  #begin(): void {
    this.#sinceMs = this.#clock.now();
    this.#told = 0;
  }
}
