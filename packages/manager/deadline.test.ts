// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { deadline } from "./deadline.ts";

function setUp() {
  const clock = manualClock();
  const seen = { held: false, over: 0 };
  const timer = deadline(
    clock,
    1000,
    () => seen.held,
    () => void seen.over++,
  );
  return { clock, seen, timer };
}

test("it is over once, after its time", () => {
  const { clock, seen } = setUp();
  clock.advance(999);
  assert.equal(seen.over, 0);
  clock.advance(5000);
  assert.equal(seen.over, 1);
});

test("it is not over while a debugger holds the process, and has its time again afterwards", () => {
  const { clock, seen } = setUp();
  seen.held = true;
  clock.advance(10_500);
  assert.equal(seen.over, 0);
  seen.held = false;
  clock.advance(499);
  assert.equal(seen.over, 0);
  clock.advance(1);
  assert.equal(seen.over, 1);
});

test("what is done in time is over at no time", () => {
  const { clock, seen, timer } = setUp();
  seen.held = true;
  clock.advance(1500);
  seen.held = false;
  timer.cancel();
  clock.advance(5000);
  assert.equal(seen.over, 0);
});
