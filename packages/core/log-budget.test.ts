// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "./clock.ts";
import { LogBudget } from "./log-budget.ts";

test("a burst passes, then so many a second; the next line that passes says how many did not", () => {
  const clock = manualClock();
  const budget = new LogBudget(clock, 3, 2);
  const admit = (count: number) => Array.from({ length: count }, () => budget.admit());
  assert.deepEqual(admit(5), [0, 0, 0, undefined, undefined]);
  clock.advance(400);
  assert.deepEqual(admit(1), [undefined]);
  clock.advance(600);
  assert.deepEqual(admit(3), [3, 0, undefined]);
});

test("a long silence saves up no more than a burst", () => {
  const clock = manualClock();
  const budget = new LogBudget(clock, 2, 1000);
  clock.advance(60_000);
  assert.deepEqual([budget.admit(), budget.admit(), budget.admit()], [0, 0, undefined]);
});
