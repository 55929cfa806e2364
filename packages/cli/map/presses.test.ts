// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Presses } from "./presses.ts";

test("what was held before is no press, however late it is told, until it is let go and pressed again", () => {
  const presses = new Presses(1000);
  assert.equal(presses.see(["south"], 999), undefined);
  assert.equal(presses.see(["south"], 1001), undefined);
  assert.equal(presses.see([], 1002), undefined);
  assert.equal(presses.see(["south"], 1003), "south");
});

test("a device that has told nothing before: its first press counts; so does another than those held", () => {
  assert.equal(new Presses(1000).see(["KEY_A"], 1001), "KEY_A");
  const presses = new Presses(1000);
  presses.see(["KEY_A"], 10);
  assert.equal(presses.see(["KEY_A", "KEY_B"], 1001), "KEY_B");
});
