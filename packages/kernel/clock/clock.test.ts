// Runs in: tests. Owns: a few real timers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock, systemRandom } from "./clock.ts";

test("after waits at least that long and runs once", async () => {
  const start = systemClock.now();
  await new Promise<void>((resolve) => systemClock.after(20, resolve));
  assert.ok(systemClock.now() - start >= 19); // Node rounds to whole milliseconds
});

test("after 0 runs in the loop's next turn, in order", async () => {
  const order: number[] = [];
  systemClock.after(0, () => order.push(1));
  await new Promise<void>((resolve) => systemClock.after(0, resolve));
  assert.deepEqual(order, [1]);
});

test("cancelled timers do not run", async () => {
  systemClock.after(0, () => assert.fail("ran")).cancel();
  systemClock.after(1, () => assert.fail("ran")).cancel();
  systemClock.after(1e12, () => assert.fail("ran")).cancel();
  await new Promise<void>((resolve) => systemClock.after(5, resolve));
});

test("wall time is the date, and chance lies in [0, 1)", () => {
  assert.ok(Math.abs(systemClock.wallTime() - Date.now()) < 1000);
  const value = systemRandom.next();
  assert.ok(value >= 0 && value < 1);
});
