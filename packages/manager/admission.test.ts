// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { createLog, type LogEntry } from "@ring3/core/log";
import { Admission } from "./admission.ts";

function setUp() {
  const entries: LogEntry[] = [];
  const admission = new Admission(
    500,
    createLog("manager", (entry) => entries.push(entry), manualClock()),
  );
  const enter = (uid: number, times: number) =>
    Array.from({ length: times }, () => admission.enter(uid)).filter(Boolean).length;
  return { admission, enter, entries };
}

test("a user gets 256 connections, root and the manager's own user more, and nobody takes another's", () => {
  const { enter } = setUp();
  assert.deepEqual(
    [enter(1001, 300), enter(1002, 300), enter(0, 2000), enter(500, 2000)],
    [256, 256, 1024, 1024],
  );
});

test("a connection that ends makes room for one, and the limit is told of once", () => {
  const { admission, enter, entries } = setUp();
  enter(1001, 300);
  admission.left(1001);
  assert.deepEqual([enter(1001, 5), entries.length], [1, 1]);
  assert.match(entries[0]!.message, /user 1001 has 256 connections/);
});

test("what all connections of a user leave unread is one sum, another user's is another", () => {
  const { admission } = setUp();
  const [first, second, other] = [1001, 1001, 1002].map((uid) => admission.enter(uid)!.allowance!);
  assert.equal(first!.take(first!.most), true);
  assert.deepEqual([second!.take(1), other!.take(1)], [false, true]);
});
