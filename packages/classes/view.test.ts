// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesText, countText, durationText } from "./view.ts";

test("a number has three digits that count, and the unit that makes it short", () => {
  assert.deepEqual([0, 999, 1000, 123_456, 2e9].map(countText), ["0", "999", "1 k", "123 k", "2,000 M"]);
  assert.deepEqual([0, 512, 67_108_864, 4e12].map(bytesText), ["0 B", "512 B", "67.1 MB", "4 TB"]);
});

test("a time that there was none of is no 0", () => {
  assert.deepEqual([null, 0, 73, 1500, 2_500_000].map(durationText), [
    "–",
    "0 µs",
    "73 µs",
    "1.5 ms",
    "2.5 s",
  ]);
});
