// Runs in: browser, in the console. Owns: nothing; what a disk did in one second, in words. Pure.
import { type Activity, bytesText, countText } from "../view.ts";

/** A second is measured, and is seldom one exactly: what was done in it is a whole number all the same. */
const times = (rate: number) => countText(Math.round(rate));

/** undefined: nobody has looked yet. */
export function activityText(now: Activity | undefined): string {
  if (now === undefined) return "Nothing is known of its work yet.";
  const { requests, failed, bytesRead, bytesWritten } = now;
  if (requests === 0) return "It does nothing now.";
  const fails = failed === 0 ? "" : `, of which ${times(failed)} ${times(failed) === "1" ? "fails" : "fail"}`;
  return `Reads ${bytesText(bytesRead)} a second, writes ${bytesText(bytesWritten)} a second, in ${times(requests)} requests a second${fails}.`;
}
