// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_MEDIUM_PRESENT, block } from "@ring3/classes/block/contract";
import { classes } from "./classes.ts";
import { faultOfProperties, faultOfUnits } from "./host-units.ts";

const blockClass = classes.block!;
const properties = {
  ...block.properties!.create(),
  sectorBytes: 512,
  maxTransferSectors: 2048,
  sectors: 8192,
  flags: BLOCK_MEDIUM_PRESENT,
};
const operations = ["read", "write", "flush"];
const unit = { index: 0, properties, operations };

test("units as the contract has them pass, an empty drive too", () => {
  const empty = { ...properties, sectors: 0, flags: 0 };
  const units = [
    unit,
    { index: 1, properties: empty, operations: [...operations, "discard", "writeZeroes"] },
  ];
  assert.equal(faultOfUnits(blockClass, units), undefined);
});

const wrongUnits = {
  "it calls itself unit 7": { ...unit, index: 7 },
  'operation "write" is missing': { ...unit, operations: ["read", "flush"] },
  'there is no operation "format"': { ...unit, operations: [...operations, "format"] },
  'operation "read" is there twice': { ...unit, operations: [...operations, "read"] },
  'there is no property "colour"': { ...unit, properties: { ...properties, colour: 1 } },
};
for (const [fault, wrong] of Object.entries(wrongUnits))
  test(`a unit of which ${fault}`, () => assert.equal(faultOfUnits(blockClass, [wrong]), `unit 0: ${fault}`));

const wrongProperties: Record<string, Record<string, number | number[]>> = {
  "sectorBytes: expected an integer": { sectorBytes: 0.5 },
  "sectorBytes: expected a power of two": { sectorBytes: 0 },
  "sectorBytes: expected a power of two from": { sectorBytes: 131_072 },
  "maxTransferSectors: expected": { maxTransferSectors: 0 },
  "sectors: expected an integer": { sectors: [1, 2] },
  "sectors: expected at most": { sectors: Number.MAX_SAFE_INTEGER },
};
for (const [fault, change] of Object.entries(wrongProperties))
  test(`a disk with ${JSON.stringify(change)}: ${fault}`, () =>
    assert.match(faultOfProperties(blockClass, { ...properties, ...change })!, new RegExp(`^${fault}`)));
