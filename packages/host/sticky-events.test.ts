// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { StickyEvents } from "./sticky-events.ts";

test("an event told a thousand times is kept once, with its newest data, in the order of the last telling", () => {
  const sticky = new StickyEvents();
  for (let count = 0; count < 1000; count++) sticky.keep({ unit: 0, event: "powerLost", data: count });
  sticky.keep({ unit: 0, event: "writesLost", data: 1 });
  sticky.keep({ unit: 1, event: "powerLost", data: 2 });
  sticky.keep({ unit: 0, event: "powerLost", data: 3 });
  assert.deepEqual(sticky.of(0), [
    { unit: 0, event: "writesLost", data: 1 },
    { unit: 0, event: "powerLost", data: 3 },
  ]);
  assert.deepEqual(sticky.of(2), []);
});
