// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inHandText, recordsText } from "./report.ts";

test("what it had in hand says before what its time is", () => {
  assert.equal(inHandText([]), "It had no request in hand.");
  const write = { operation: "write", channel: 1, slot: 0, ageUs: 73 };
  assert.equal(
    inHandText([write, { ...write, operation: "read", ageUs: 0 }]),
    "In hand: write, which came 73 µs before the last record; read, which came 0 µs before the last record.",
  );
});

test("records stand one below the other, the last 40 of them, and no time is less than nothing", () => {
  const record = (ageUs: number) => ({ ageUs, kind: "reap" as const, text: "ok" });
  assert.equal(recordsText([record(1230), record(0)]), " 1.23 ms  reap  ok\n    0 µs  reap  ok");
  assert.equal(
    recordsText(Array.from({ length: 50 }, (_, index) => record(50 - index))).split("\n").length,
    40,
  );
});
