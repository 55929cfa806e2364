// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { merged } from "./merged.ts";

const told = (...times: number[]) => times.map((timeMs) => ({ timeMs }));
const times = (first: number[], then: number[], most = 9) =>
  merged(told(...first), told(...then), ({ timeMs }) => timeMs, most).map(({ timeMs }) => timeMs);

test("what was told while the answer was on its way is kept, behind what the answer knows", () => {
  assert.deepEqual(times([1, 2, 3], [4]), [1, 2, 3, 4]);
});

test("what the answer knows and was told as well is there once", () => {
  assert.deepEqual(times([1, 2, 3], [3, 4]), [1, 2, 3, 4]);
});

test("an answer that knows less takes nothing away", () => {
  assert.deepEqual(times([3], [1, 2, 3]), [1, 2, 3]);
});

test("of too many the latest are kept", () => {
  assert.deepEqual(times([1, 2, 3], [4, 5], 2), [4, 5]);
});

test("what was there before the answer knows of anything is before it", () => {
  assert.deepEqual(times([3, 5], [1, 2, 5, 6]), [1, 2, 3, 5, 6]);
});

test("of one time what came first stays first", () => {
  const step = (name: string) => ({ timeMs: 1, name });
  const [a, b, c] = [step("killed"), step("fenced"), step("spare")];
  const joined = (first: object[], then: object[]) => merged(first, then, () => 1, 9);
  assert.deepEqual(joined([a, b, c], [c]), [a, b, c]);
  assert.deepEqual(joined([a, b], [c]), [a, b, c]);
});
