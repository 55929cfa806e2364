// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes } from "@ring3/core/hid/descriptors.fixture";
import { only } from "./devices.fixture.ts";

/** A pen: `x` and `y` are what stands before those. */
const pen = (x: string, y: string) =>
  bytes(
    "05 0d 09 02 a1 01 09 20 a0 09 32 09 42 15 00 25 01 75 01 95 02 81 02 75 06 95 01 81 03",
    "05 01 15 00 75 10",
    `${x} 09 30 81 02 ${y} 09 31 81 02 c0 c0`,
  );
for (const [what, x, y, resolution] of [
  ["in thousandths of an inch", "26 c8 75 65 13 55 0d 46 ee 1a", "26 6a 4a 46 6a 18", [172, 120]], // 30152 on 6894, 19050 on 6250
  ["in thousandths of a centimetre", "26 60 6d 65 11 55 0d 46 30 36", "", [202, 202]], // 28000 on 13872
  ["in centimetres", "26 10 27 65 11 55 00 45 0a", "", [100, 100]],
  ["in square inches", "26 10 27 65 23 55 00 45 0a", "", [0, 0]],
  ["in centimetres a second", "26 10 27 66 11 f0 55 00 45 0a", "", [0, 0]],
  ["without a unit", "26 10 27 45 0a", "", [0, 0]],
  ["without a physical range", "26 10 27 65 11 55 0d", "", [0, 0]],
  ["finer than can be", "27 ff ff ff 7f 65 11 55 08 45 01", "", [0, 0]],
] as const)
  test(`a pen's resolution is as Linux counts it: ${what}`, () => {
    const { resolutionX, resolutionY } = only(pen(x, y)).properties;
    assert.deepEqual([resolutionX, resolutionY], resolution);
  });
