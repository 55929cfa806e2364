// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hatDirection } from "./hat.ts";

test("a hat turns clockwise from up, and points nowhere by any other number", () => {
  assert.deepEqual([0, 1, 2, 4, 6, 7].map(hatDirection), [
    [0, -1],
    [1, -1],
    [1, 0],
    [0, 1],
    [-1, 0],
    [-1, -1],
  ]);
  for (const other of [8, 15, -1, 0.5, Number.NaN]) assert.deepEqual(hatDirection(other), [0, 0]);
});
