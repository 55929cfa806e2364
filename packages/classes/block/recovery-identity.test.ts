// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Identity, Pending } from "@ring3/core/recovery";
import { BLOCK_MEDIUM_PRESENT, BLOCK_WRITE_CACHE, type Block, type Geometry } from "./contract.ts";
import { recovery } from "./recovery.ts";

const geometry: Geometry = {
  sectorBytes: 512,
  maxTransferSectors: 2048,
  sectors: 1000,
  flags: BLOCK_MEDIUM_PRESENT | BLOCK_WRITE_CACHE,
  optimalTransferSectors: 256,
  medium: 1,
};
const disk: Identity<Block> = { serial: "4C53A1", vendor: "0781", product: "5581", properties: geometry };
const nameless: Identity<Block> = { properties: geometry };
const identities: [string, Identity<Block>, Identity<Block>, RegExp | undefined][] = [
  ["the same disk is the same", disk, { ...disk }, undefined],
  [
    "another serial number is another disk",
    disk,
    { ...disk, serial: "4C53A2" },
    /another serial number: it was 4C53A1, now it is 4C53A2/,
  ],
  ["another vendor is another disk", disk, { ...disk, vendor: "0951" }, /another vendor/],
  ["another product is another disk", disk, { ...disk, product: "5582" }, /another product/],
  ["a lost serial number is another disk", disk, nameless, /now it is none/],
  ["a disk without a serial number proves nothing", nameless, nameless, /no serial number/],
  [
    "a serial number of zeros proves nothing",
    { ...disk, serial: "000000" },
    { ...disk, serial: "000000" },
    /no serial number/,
  ],
  [
    "a blank serial number proves nothing",
    { ...disk, serial: "  " },
    { ...disk, serial: "  " },
    /no serial number/,
  ],
  [
    "another capacity is another disk",
    disk,
    { ...disk, properties: { ...geometry, sectors: 999 } },
    /capacity in sectors: it was 1000, now it is 999/,
  ],
  [
    "another sector size is another disk",
    disk,
    { ...disk, properties: { ...geometry, sectorBytes: 4096 } },
    /another sector size/,
  ],
  [
    "a disk without its medium is not the same",
    disk,
    { ...disk, properties: { ...geometry, flags: 0 } },
    /no medium/,
  ],
  [
    "another number of the medium is no other disk: each enumeration counts anew",
    { ...disk, properties: { ...geometry, medium: 3 } },
    disk,
    undefined,
  ],
  [
    "a disk that became read-only is the same",
    disk,
    { ...disk, properties: { ...geometry, flags: geometry.flags | 1 } },
    undefined,
  ],
];

for (const [name, before, after, expected] of identities) {
  test(name, () => assert.match(recovery.sameIdentity(before, after) ?? "same", expected ?? /^same$/));
}

test("the same disk plugged in again: requests for its medium are for the number it has now, others for none", () => {
  const before = { ...geometry, medium: 3 };
  const translate = (medium: number) => {
    const input = { lba: 7, count: 1, fua: 1, medium };
    return recovery.translate({ operation: "write", input } as Pending<Block>, before, geometry);
  };
  assert.deepEqual(translate(3), { lba: 7, count: 1, fua: 1, medium: 1 });
  assert.deepEqual(translate(2), { lba: 7, count: 1, fua: 1, medium: 2 });
});

test("within an enumeration the number and the size make the medium, and nothing that need not be answered", () => {
  const same = (other: Partial<Geometry>) => recovery.sameMedium(geometry, { ...geometry, ...other });
  assert.deepEqual(
    [
      same({ flags: BLOCK_MEDIUM_PRESENT, optimalTransferSectors: 8 }),
      same({ medium: 2 }),
      same({ sectors: 999 }),
      same({ sectorBytes: 4096 }),
    ],
    [true, false, false, false],
  );
});
