import assert from "node:assert/strict";
import { test } from "node:test";
import { sample } from "./test/sample-contract.ts";
import { validateUnits } from "./units.ts";

const unit = { properties: { size: 1 }, add: () => ({ sum: 0 }), read: () => {}, write: () => {} };
const refused = (result: unknown, message: RegExp): void =>
  assert.throws(() => validateUnits(sample, result), { name: "DeviceError", kind: "invalid", message });

test("one unit and a list of units both become a list", () => {
  assert.deepEqual(validateUnits(sample, unit), [unit]);
  assert.deepEqual(validateUnits(sample, [unit, unit]), [unit, unit]);
});

test("an optional operation may be given", () => {
  assert.equal(validateUnits(sample, { ...unit, trim: () => {} }).length, 1);
});

test("handlers on a prototype count", () => {
  class Unit {
    readonly properties = { size: 1 };
    add(): { sum: number } {
      return { sum: 0 };
    }
    read(): void {}
    write(): void {}
  }
  assert.equal(validateUnits(sample, new Unit()).length, 1);
});

test("a unit may have a name of its own, as long as programs can show it", () => {
  assert.equal(validateUnits(sample, { ...unit, name: "Left drawer" }).length, 1);
  for (const name of ["", "x".repeat(80), "bell\u0007", 7])
    refused({ ...unit, name }, /^unit 0, member "name": expected 1 to 79 characters without control/);
});

test("a wrong shape is refused with unit, member, expected and found", () => {
  refused(undefined, /^unit 0: expected an object, found undefined/);
  refused([], /^probe's result: expected 1 to 64 units, found 0/);
  refused([unit, null], /^unit 1: expected an object, found null/);
  refused([unit, { ...unit, read: 7 }], /^unit 1, member "read": expected a function, found number/);
  refused({ ...unit, trim: "yes" }, /^unit 0, member "trim": expected a function, found string/);
  refused(
    { ...unit, properties: undefined },
    /^unit 0, member "properties": expected an object, found undefined/,
  );
  refused({ ...unit, properties: { size: -1 } }, /^unit 0, member "properties": .*size.*-1/);
  refused(
    { ...unit, concurrency: 0 },
    /^unit 0, member "concurrency": expected an integer from 1 to 4096, found 0/,
  );
  refused(
    { ...unit, wriet: () => {} },
    /^unit 0, member "wriet": expected an operation of "sample" \(add, read, write, trim\)/,
  );
});
