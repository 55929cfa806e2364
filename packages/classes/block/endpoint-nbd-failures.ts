// Runs in: reflector. Owns: how often the log tells why the disk behind an NBD endpoint has failed requests.
import type { Clock } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";
import { LogBudget } from "@ring3/core/log-budget";

const FAILURES_PER_SECOND = 1;

/** To be told of each: a kernel tells its users no more than "I/O error". */
export function failureLog(clock: Clock, log: Log): (text: string) => void {
  const budget = new LogBudget(clock, 1, FAILURES_PER_SECOND);
  return (text) => {
    const heldBack = budget.admit();
    if (heldBack === undefined) return;
    log.warn(`${text}${heldBack === 0 ? "" : ` (and ${heldBack} more before it)`}`);
  };
}
