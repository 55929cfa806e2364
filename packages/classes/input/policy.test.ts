// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { INPUT_ABSOLUTE, INPUT_KEYS, type InputProperties, input } from "./contract.ts";
import { faultOf } from "./policy.ts";

const sound: InputProperties = { ...input.properties!.create(), features: INPUT_KEYS };

test("a keyboard may be, and so may a tablet with a size", () => {
  assert.equal(faultOf(sound), undefined);
  assert.equal(
    faultOf({ ...sound, features: INPUT_ABSOLUTE, absoluteMaxX: 21_600, absoluteMaxY: 13_500 }),
    undefined,
  );
});

for (const [wrong, fault] of [
  [{ absoluteMaxX: 2 ** 31 }, /^absoluteMaxX: expected at most 2147483647, found 2147483648$/],
  [{ pressureMax: 2 ** 32 - 1 }, /^pressureMax: /],
  [{ features: INPUT_ABSOLUTE, absoluteMaxX: 100 }, /^absoluteMaxX, absoluteMaxY: expected more than 0/],
] as const)
  test(`a device with ${JSON.stringify(wrong)} cannot be`, () => {
    assert.match(faultOf({ ...sound, ...wrong })!, fault);
  });
