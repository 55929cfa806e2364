// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Presses, pressedOnPad } from "./presses.ts";

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

test("what is pressed on a pad has the names of the mapping file: half a way from the middle, which is 128 of 0 to 255; a trigger once", () => {
  const pad = { buttons: 0x1fff, sticks: 2, stickMin: 0, stickMax: 255, triggerMax: 255, hat: 1 };
  const atRest = {
    leftX: 128,
    leftY: 128,
    rightX: 128,
    rightY: 128,
    leftTrigger: 0,
    rightTrigger: 0,
    hatX: 0,
    hatY: 0,
  };
  const pressed = (more: object, of = pad) => pressedOnPad({ buttons: 0, ...atRest, ...more }, of);
  assert.deepEqual(pressed({ buttons: 1, hatX: -1, hatY: 1 }), ["south", "hatDown", "hatLeft"]);
  assert.deepEqual(pressed({ leftY: 64, rightX: 192, leftX: 65, rightY: 191 }), [
    "leftStickUp",
    "rightStickRight",
  ]);
  const pulled = { buttons: 1 << 6, leftTrigger: 200 };
  assert.deepEqual(pressed(pulled), ["leftTrigger"]);
  assert.deepEqual(pressed({ ...pulled, leftTrigger: 0 }, { ...pad, triggerMax: 0 }), ["leftTrigger"]);
  assert.deepEqual(pressed({ leftX: 0, hatX: 1 }, { ...pad, sticks: 0, hat: 0 }), []);
});
