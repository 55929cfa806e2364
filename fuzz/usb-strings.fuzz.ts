// Runs in: fuzzing.
import assert from "node:assert/strict";
import { parseLanguages, parseString } from "../packages/kernel/usb/strings.ts";
import type { Target } from "./target.ts";

const string = (text: string) => {
  const units = Buffer.from(text, "utf16le");
  return new Uint8Array(Buffer.concat([Uint8Array.of(units.length + 2, 3), units]));
};

export default {
  what: "string descriptors, from a device",
  seeds: [string("SanDisk Extreme"), string("序列号 4C53"), Uint8Array.of(6, 3, 0x09, 0x04, 0x07, 0x04)],
  run(input) {
    assert.ok(parseLanguages(input).every((language) => language >= 0 && language <= 0xffff));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that none comes through is what is looked at
    assert.doesNotMatch(parseString(input), /[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]/);
    return true;
  },
} satisfies Target;
