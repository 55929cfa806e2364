// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes } from "@ring3/core/hid/descriptors.fixture";
import { INPUT_KEYS, INPUT_PRESSURE } from "@ring3/sdk";
import { only } from "./devices.fixture.ts";

test("a control that is wider than an axis can be is left out, and the rest of its device works", () => {
  const wide = "17 00 00 00 80 27 ff ff ff 7f 75 20 95 01 81 02"; // all that 32 bits hold
  const unit = only(
    bytes(
      "05 0d 09 02 a1 01 09 20 a0 09 32 09 42 15 00 25 01 75 01 95 08 81 02",
      `05 01 09 30 09 31 15 00 26 ff 7f 75 10 95 02 81 02 05 0d 09 30 ${wide} c0 c0`,
    ),
  );
  const { absoluteMaxX, pressureMax, features } = unit.properties;
  assert.deepEqual([absoluteMaxX, pressureMax, features & INPUT_PRESSURE], [0x7fff, 0, 0]);
  assert.equal(unit.take(0, bytes("01 02 00 03 00 ff ff ff 7f"))!.pointer!.y, 3);
  const mouse = only(
    bytes(`05 01 09 02 a1 01 09 30 ${wide} 09 31 ${wide} 05 09 09 01 15 00 25 01 75 08 95 01 81 02 c0`),
  );
  assert.deepEqual([mouse.properties.features, mouse.properties.absoluteMaxX], [INPUT_KEYS, 0]);
});
