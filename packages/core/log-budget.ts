// Runs in: driver host, manager, reflector. Owns: how many lines of one origin reach the log.
import type { Clock } from "./clock.ts";

/** A burst of lines passes, then so many a second; what is held back is counted. */
export class LogBudget {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #since: number;
  #heldBack = 0;

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#since = clock.now();
  }

  /** How many lines were held back since the last one that passed; undefined: hold this one back too. */
  admit(): number | undefined {
    const now = this.#clock.now();
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#since) / 1000) * this.#perSecond);
    this.#since = now;
    if (this.#left < 1) {
      this.#heldBack++;
      return undefined;
    }
    this.#left--;
    const heldBack = this.#heldBack;
    this.#heldBack = 0;
    return heldBack;
  }
}
