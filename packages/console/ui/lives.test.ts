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

test("a device that was plugged in again begins with another first driver", () => {
  const passages = [
    passage(1, "running", 1),
    passage(2, "gone", 1, "removed"),
    passage(3, "unmatched", 0),
    passage(4, "starting", 1),
    passage(5, "running", 1),
  ];
  assert.deepEqual(told(passages), [
    [1, 1, 2, "gone: removed"],
    [1, 5, undefined, ""],
  ]);
});

test("a device without a driver has none", () => {
  assert.deepEqual(told([passage(0, "available", 0)]), []);
});
