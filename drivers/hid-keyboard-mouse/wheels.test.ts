// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, mouse } from "@ring3/core/hid/descriptors.fixture";
import fc from "fast-check";
import { deviceOf, fineMouse } from "./devices.fixture.ts";
import type { InputUnit } from "./unit.ts";
import { multiplied, multiplierReports } from "./wheels.ts";

const reportsOf = (descriptor: Uint8Array) => multiplierReports(deviceOf(descriptor).layout);

/** The device's one unit, its multipliers in effect. */
function refined(descriptor: Uint8Array): InputUnit {
  const { units, layout } = deviceOf(descriptor);
  units[0]!.refine(multiplierReports(layout));
  return units[0]!;
}

/** A wheel below one multiplier of up to `physical` parts, in no logical collection. */
const below = (physical: string) =>
  bytes(
    `05 01 09 02 a1 01 09 48 15 00 25 01 35 01 45 ${physical} 75 08 95 01 b1 02`,
    "35 00 45 00 09 38 15 81 25 7f 81 06 c0",
  );

test("multipliers are set to their maximum; what else is in their report stays", () => {
  const [report, ...more] = reportsOf(fineMouse);
  assert.deepEqual([more, report!.reportId, report!.hasMore], [[], 6, true]);
  assert.deepEqual(multiplied(report!, bytes("a0")), Uint8Array.of(0xa5));
  assert.equal(reportsOf(below("08"))[0]!.hasMore, false);
  assert.deepEqual(reportsOf(mouse), []);
});

test("each wheel tells by the multiplier of its own collection, and by whole notches again where none is in effect", () => {
  const unit = refined(fineMouse);
  const turned = () => {
    const { wheel, horizontalWheel } = unit.take(5, bytes("00 00 00 00 03 ff"))!.motion!;
    return [wheel, horizontalWheel];
  };
  assert.deepEqual(turned(), [45, -30]);
  unit.refine([]);
  assert.deepEqual(turned(), [360, -120]);
});

for (const [physical, wheel] of [
  ["08", 15],
  ["01", 120],
  ["00", 120], // the maximum is no number of parts
] as const)
  test(`without a logical collection a multiplier of ${physical} is for all wheels: a step is ${wheel}`, () => {
    const unit = refined(below(physical));
    assert.equal(unit.take(0, bytes("01"))!.motion!.wheel, wheel);
  });

test("nothing that was turned gets lost: seven steps of a seventh are a notch, there and back", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -127, max: 127 }), { maxLength: 50 }), (steps) => {
      const unit = refined(below("07"));
      const turn = (step: number) => unit.take(0, Uint8Array.of(step & 0xff))!.motion?.wheel ?? 0;
      const told = steps.reduce((sum, step) => sum + turn(step), 0);
      const exact = (steps.reduce((sum, step) => sum + step, 0) * 120) / 7;
      assert.ok(Math.abs(told - exact) < 1, `${told} ${exact}`);
    }),
  );
});
