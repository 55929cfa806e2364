import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { Limit } from "./wait.ts";

test("no timer before the signal is asked for, none after disposal", () => {
  const clock = manualClock();
  const limit = new Limit(clock, 100, "test");
  assert.equal(clock.pending, 0);
  assert.equal(limit.signal.aborted, false);
  assert.equal(clock.pending, 1);
  limit[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});

test("the signal aborts at the deadline with a timeout", () => {
  const clock = manualClock();
  const { signal } = new Limit(clock, 100, "test");
  clock.advance(99);
  assert.equal(signal.aborted, false);
  clock.advance(1);
  assert.equal((signal.reason as DeviceError).kind, "timeout");
});

test("a signal asked for after the deadline is aborted already", () => {
  const clock = manualClock();
  const limit = new Limit(clock, 100, "test");
  clock.advance(100);
  assert.equal(limit.signal.aborted, true);
});

test("the wait around it ends it: earlier deadline, aborted signal, foreign reasons become cancelled", () => {
  const clock = manualClock();
  assert.equal(new Limit(clock, 100, "test", { deadlineMs: 50 }).deadlineMs, 50);
  const outer = new Limit(clock, 100, "outer");
  const inner = new Limit(clock, 200, "inner", outer);
  const { signal } = inner;
  outer.abort(new DeviceError("disconnected", "gone"));
  assert.equal((signal.reason as DeviceError).kind, "disconnected");
  const foreign = new AbortController();
  const limit = new Limit(clock, 100, "test", { signal: foreign.signal });
  foreign.abort("enough");
  assert.equal(limit.over?.kind, "cancelled");
});

test("a deadline beyond setTimeout's range does not fire early", () => {
  const clock = manualClock();
  const far = 3 * 0x7fff_ffff;
  const { signal } = new Limit(clock, far, "test");
  clock.advance(far - 1);
  assert.equal(signal.aborted, false);
  clock.advance(1);
  assert.equal(signal.aborted, true);
});
