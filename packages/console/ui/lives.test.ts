// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Passage } from "@ring3/control/observation";
import { livesOf } from "./lives.ts";

const passage = (timeMs: number, state: Passage["state"], incarnation: number, reason = ""): Passage => ({
  device: "usb-1-4:1.0",
  timeMs,
  state,
  incarnation,
  reason,
  fenced: false,
  hostPid: null,
});
const told = (passages: Passage[]) =>
  livesOf(passages).map(({ incarnation, servedMs, endedMs, why }) => [incarnation, servedMs, endedMs, why]);
const gaps = (passages: Passage[]) => livesOf(passages).map(({ gap }) => gap);

test("each driver has its time and the reason of its end; the last goes on", () => {
  const passages = [
    passage(0, "unmatched", 0),
    passage(1, "starting", 1),
    passage(3, "running", 1),
    passage(9, "failed", 1, "signal: SIGKILL"),
    passage(10, "starting", 2, "signal: SIGKILL"),
    passage(12, "running", 2, "signal: SIGKILL"),
  ];
  assert.deepEqual(told(passages), [
    [1, 3, 9, "failed: signal: SIGKILL"],
    [2, 12, undefined, ""],
  ]);
});

test("one that never served has no time", () => {
  assert.deepEqual(told([passage(1, "starting", 1), passage(2, "failed", 1)]), [[1, undefined, 2, "failed"]]);
});

test("a device that was plugged in again begins with another first driver; unplugging is what ended the one before", () => {
  const passages = [
    passage(0, "starting", 1),
    passage(1, "running", 1),
    passage(2, "failed", 1, "grant: the device went away"),
    passage(3, "gone", 1, "removed"),
    passage(4, "starting", 1),
    passage(5, "running", 1),
  ];
  assert.deepEqual(told(passages), [
    [1, 1, 2, "gone: removed"],
    [1, 5, undefined, ""],
  ]);
  assert.deepEqual(gaps(passages), [undefined, { ms: 3, isStop: false }]);
});

test("what had failed before its device was pulled out has failed", () => {
  const passages = [
    passage(1, "running", 1),
    passage(2, "failed", 1, "signal: SIGKILL"),
    passage(3, "gone", 1, "removed"),
  ];
  assert.deepEqual(told(passages), [[1, 1, 2, "failed: signal: SIGKILL"]]);
});

test("a gap lasts from the last driver that served to the next that does, whatever was tried in between", () => {
  const passages = [
    passage(0, "running", 1),
    passage(1000, "failed", 1),
    passage(1100, "starting", 2),
    passage(1200, "failed", 2),
    passage(3000, "starting", 3),
    passage(3100, "failed", 3),
    passage(6900, "starting", 4),
    passage(7000, "running", 4),
  ];
  assert.deepEqual(gaps(passages), [undefined, undefined, undefined, { ms: 6000, isStop: false }]);
});

test("after a person's stop nothing was kept; a restart on request is no stop", () => {
  const stopped = (reason: string) =>
    gaps([
      passage(0, "running", 1),
      passage(1, "stopped", 1, reason),
      passage(5, "starting", 2),
      passage(6, "running", 2),
    ]).at(-1);
  assert.deepEqual(stopped("stopped on request"), { ms: 5, isStop: true });
  assert.deepEqual(stopped("restarted on request"), { ms: 5, isStop: false });
});

test("a device without a driver has none", () => {
  assert.deepEqual(told([passage(0, "available", 0)]), []);
});
