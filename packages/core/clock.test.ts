// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock, runningClock } from "./clock.ts";

test("timers run in order of time, then of setting, each at its own time", () => {
  const clock = manualClock();
  const ran: string[] = [];
  const note = (name: string) => () => ran.push(`${name}@${clock.now()}`);
  clock.after(20, note("late"));
  clock.after(10, note("first"));
  clock.after(10, note("second"));
  clock.advance(19);
  assert.deepEqual(ran, ["first@10", "second@10"]);
  clock.advance(1);
  assert.deepEqual(ran, ["first@10", "second@10", "late@20"]);
  assert.equal(clock.pending, 0);
});

test("a timer set by a timer runs in the same advance when it falls due in it", () => {
  const clock = manualClock();
  const ran: number[] = [];
  const again = (): void => {
    ran.push(clock.now());
    clock.after(10, again);
  };
  clock.after(10, again);
  clock.advance(35);
  assert.deepEqual(ran, [10, 20, 30]);
  assert.equal(clock.now(), 35);
});

test("a cancelled timer does not run, and cancelling twice is harmless", () => {
  const clock = manualClock();
  const timer = clock.after(5, () => assert.fail("ran"));
  timer.cancel();
  timer.cancel();
  clock.advance(10);
  assert.equal(clock.pending, 0);
});

test("a negative delay is due now", () => {
  const clock = manualClock();
  clock.advance(100);
  let at = -1;
  clock.after(-50, () => {
    at = clock.now();
  });
  clock.advance(0);
  assert.equal(at, 100);
});

/** A clock whose process can be stopped: time goes on, timers wait. */
function stoppable() {
  const base = manualClock();
  let ahead = 0;
  const clock = runningClock({ ...base, now: () => base.now() + ahead });
  const beat = () => {
    clock.now();
    base.after(500, beat);
  };
  beat();
  return {
    clock,
    run: (ms: number) => base.advance(ms),
    stop: (ms: number) => {
      ahead += ms;
    },
  };
}

test("time that the process did not run is no time, and brings no timer nearer", () => {
  const { clock, run, stop } = stoppable();
  let due = 0;
  clock.after(3000, () => due++);
  run(1000);
  stop(60_000);
  run(1000);
  assert.equal(Math.round(clock.now() / 1000), 2);
  run(500);
  assert.equal(due, 0);
  run(1000);
  assert.equal(due, 1);
});

test("a process that was only late is as late as it was", () => {
  const { clock, run, stop } = stoppable();
  let due = 0;
  clock.after(2000, () => due++);
  run(1000);
  stop(900);
  run(1000);
  assert.deepEqual([due, clock.now()], [1, 2900]);
});

test("a cancelled timer does not run, also when it had to wait on", () => {
  const { clock, run, stop } = stoppable();
  let due = 0;
  const timer = clock.after(1000, () => due++);
  run(800);
  stop(10_000);
  run(300);
  timer.cancel();
  run(10_000);
  assert.equal(due, 0);
});
