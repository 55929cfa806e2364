// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes } from "@ring3/core/hid/descriptors.fixture";
import { only } from "./devices.fixture.ts";

test("a light is lit by a 1, whatever range it names; one that cannot hold it is none, and its neighbours shine", () => {
  const led = (usage: string, range: string, size: string): string =>
    `05 08 09 ${usage} ${range} 75 ${size} 95 01 91 02`;
  const unit = only(
    bytes(
      "05 01 09 06 a1 01 05 07 19 04 29 05 15 00 25 01 75 01 95 08 81 02",
      led("01", "15 00 26 ff 00", "01"), // NumLock: to 255, one bit
      led("02", "15 01 25 02", "02"), // CapsLock: 1 or 2
      led("03", "15 ff 25 00", "01"), // ScrollLock: -1 or 0
      "75 04 91 03 c0",
    ),
  );
  assert.equal(unit.properties.leds, 0b011);
  const sent = [0b011, 0b010, 0].map((mask) => unit.lights.reports(mask));
  assert.deepEqual(
    sent.map(([report]) => report!.bytes[0]),
    [0b011, 0b010, 0],
  );
});
