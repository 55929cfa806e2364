// Runs in: manager. Owns: what of a driver's log is kept.

import type { Notice } from "@ring3/control/edge";
import type { hostEdge } from "@ring3/control/host-edge";
import type { Clock } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";
import { LogBudget } from "@ring3/core/log-budget";

/** Twice what a driver host lets through, so that only a host that does not keep to it is cut short. */
const BURST = 400;
const PER_SECOND = 40;

/** Over all incarnations: dying again and again is no way to say more. */
export class DriverLog {
  readonly #log: Log;
  readonly #budget: LogBudget;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#budget = new LogBudget(clock, BURST, PER_SECOND);
  }

  add({ level, message, fields }: Notice<typeof hostEdge, "log">): void {
    const heldBack = this.#budget.admit();
    if (heldBack === undefined) return;
    if (heldBack > 0) this.#log.warn(`the driver host logs too much: ${heldBack} lines left out`);
    this.#log[level](message, fields);
  }
}
