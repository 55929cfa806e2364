// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { ChangePace } from "./change-pace.ts";

test("a flood of changes is told ten times a second and unit, the first at once and the last always", () => {
  const clock = manualClock();
  const told: [number, number][] = [];
  const pace = new ChangePace(clock, (unit) => told.push([clock.now(), unit]));
  for (let ms = 0; ms < 250; ms++) {
    pace.changed(0);
    clock.advance(1);
  }
  pace.changed(1);
  clock.advance(1000);
  assert.deepEqual(told, [
    [0, 0],
    [100, 0],
    [200, 0],
    [250, 1],
    [300, 0],
  ]);
  assert.equal(clock.pending, 0);
});
