// Runs in: fuzzing.
import assert from "node:assert/strict";
import { parseReportDescriptor } from "../packages/core/hid/descriptor.ts";
import { realDescriptors } from "../packages/core/hid/descriptors.fixture.ts";
import { LISTED_USAGES_MAX } from "../packages/core/hid/limits.ts";
import { HidReport } from "../packages/core/hid/report.ts";
import type { Target } from "./target.ts";

const word = (...bytes: number[]) => Uint8Array.from(bytes);

export default {
  what: "HID report descriptors, and reports by them, from a device",
  seeds: Object.values(realDescriptors),
  words: [
    word(0xa1, 0x00), // Collection
    word(0xc0), // End Collection
    word(0xa4), // Push
    word(0xb4), // Pop
    word(0x85, 0x02), // Report ID
    word(0x2b, 0xff, 0xff, 0xff, 0xff), // Usage Maximum
    word(0x97, 0x00, 0x30, 0x00, 0x00), // Report Count 12,288
    word(0xa9, 0x01, 0xa9, 0x00), // Delimiters
    word(0x81, 0x00), // an array
  ],
  run(input) {
    const { layout } = parseReportDescriptor(input);
    let listed = 0;
    for (const kind of ["input", "output", "feature"] as const)
      for (const each of layout[kind].reports.values()) {
        for (const { item } of each.fields) listed += item.usages.length;
        const report = new HidReport(each);
        report.decode(input); // whatever the bytes are
        for (const value of report.values)
          assert.ok(
            Number.isNaN(value) || (Number.isInteger(value) && Math.abs(value) < 2 ** 32),
            `${value}`,
          );
        for (const { usages, pressedCount } of report.arrays) assert.ok(pressedCount <= usages.length);
      }
    assert.ok(listed <= LISTED_USAGES_MAX);
    return true;
  },
} satisfies Target;
