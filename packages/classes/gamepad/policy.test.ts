// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type GamepadProperties, gamepad } from "./contract.ts";
import { faultOf } from "./policy.ts";

const sound: GamepadProperties = {
  ...gamepad.properties!.create(),
  buttons: 0x7ff,
  sticks: 2,
  hat: 1,
  stickMin: -32_768,
  stickMax: 32_767,
  triggerMax: 255,
};

test("a pad with two sticks, a hat and triggers may be, by whatever axes it tells them", () => {
  assert.equal(faultOf(sound), undefined);
  assert.equal(faultOf({ ...sound, axisCodes: [0, 1, 2, 5, 3, 15] }), undefined);
});

for (const [wrong, fault] of [
  [{ sticks: 3 }, /^sticks: expected 0 to 2, found 3$/],
  [{ hat: 2 }, /^hat: /],
  [{ stickMin: 255, stickMax: 0 }, /^stickMin, stickMax: .* found 255 to 0$/],
  [{ stickMin: 7, stickMax: 7 }, /^stickMin, stickMax: /],
  [{ stickMax: 32_768 }, /^stickMin, stickMax: /],
  [{ stickMin: -32_769 }, /^stickMin, stickMax: /],
  [{ buttons: 2 ** 31 }, /^buttons: expected bits of the 31 there are, found 0x80000000$/],
  [
    { axisCodes: [0, 1, 2, 5, 3, 3] as number[] },
    /^axisCodes: expected different ones .* found 0,1,2,5,3,3$/,
  ],
  [{ axisCodes: [0, 1, 2, 5, 3, 16] as number[] }, /^axisCodes: .* below ABS_HAT0X/],
  [{ gyroRange: -1 }, /^gyroRange: expected at least 0, found -1$/],
] as const)
  test(`a pad with ${JSON.stringify(wrong)} cannot be`, () => {
    assert.match(faultOf({ ...sound, ...wrong })!, fault);
  });
