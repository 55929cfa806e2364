// Runs in: manager. Owns: how often anyone hears of the changes of one unit: a driver may change it as often as it likes.

import type { Clock } from "@ring3/core/clock";

const REST_MS = 100;

/** The first change is told at once, those that follow within `REST_MS` as one. */
export class ChangePace {
  readonly #clock: Clock;
  readonly #tell: (unit: number) => void;
  /** Units told of just now; true: and they have changed since. */
  readonly #resting = new Map<number, boolean>();

  constructor(clock: Clock, tell: (unit: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  changed(unit: number): void {
    if (this.#resting.has(unit)) {
      this.#resting.set(unit, true);
      return;
    }
    this.#resting.set(unit, false);
    this.#clock.after(REST_MS, () => {
      const again = this.#resting.get(unit);
      this.#resting.delete(unit);
      if (again) this.changed(unit);
    });
    this.#tell(unit);
  }
}
