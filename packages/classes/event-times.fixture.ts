// Runs in: tests. Owns: nothing; what the times of a unit's events must be like, whatever its class.
import assert from "node:assert/strict";

/** No suite takes longer. */
const RECENT_US = 600_000_000;

/** Times never go back, and are CLOCK_MONOTONIC's, in microseconds. */
export function assertInOrder(times: readonly number[]): void {
  const now = Number(process.hrtime.bigint() / 1000n);
  for (const [at, time] of times.entries())
    assert.ok(
      time >= (times[at - 1] ?? now - RECENT_US) && time <= now,
      `${times[at - 1]} µs, then ${time}; now is ${now}`,
    );
}
