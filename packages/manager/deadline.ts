// Runs in: manager. Owns: what a driver's process has time for, which does not pass while a debugger holds it.
import type { Clock, Timer } from "@ring3/core/clock";

/** Calls `over` after so long; where a debugger holds the process then, it has as long again. */
export function deadline(clock: Clock, ms: number, isHeld: () => boolean, over: () => void): Timer {
  let timer = clock.after(ms, look);
  function look(): void {
    if (isHeld()) timer = clock.after(ms, look);
    else over();
  }
  return { cancel: () => timer.cancel() };
}
