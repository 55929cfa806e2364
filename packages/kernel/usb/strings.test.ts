import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import fc from "fast-check";
import { parseLanguages, parseString } from "./strings.ts";

const descriptor = (text: string) => {
  const body = Buffer.from(text, "utf16le");
  return Uint8Array.of(body.length + 2, 3, ...body);
};

test("a string descriptor gives its text", () => {
  assert.equal(parseString(descriptor("QEMU USB HARDDRIVE")), "QEMU USB HARDDRIVE");
});

test("bytes behind bLength are ignored", () => {
  assert.equal(parseString(Uint8Array.of(...descriptor("ab"), 0x58, 0)), "ab");
});

test("escape sequences and padding are stripped from a device's text", () => {
  assert.equal(parseString(descriptor("\u001b[2Jstick\u202e  ")), "[2Jstick");
});

test("half a surrogate pair becomes a replacement character", () => {
  assert.equal(parseString(Uint8Array.of(4, 3, 0x00, 0xd8)), "\ufffd");
});

test("string descriptor 0 gives the languages", () => {
  assert.deepEqual(parseLanguages(Uint8Array.of(6, 3, 0x09, 0x04, 0x07, 0x04)), [0x0409, 0x0407]);
});

const refused: [string, Uint8Array, RegExp][] = [
  ["an empty answer", new Uint8Array(0), /offset 0: descriptor: expected 2 bytes of header, found 0/],
  ["a zero length", Uint8Array.of(0, 3), /offset 0: bLength: expected at least 2, found 0/],
  [
    "a length beyond the answer",
    Uint8Array.of(8, 3, 65, 0),
    /expected at most the 4 bytes there are, found 8/,
  ],
  ["another type", Uint8Array.of(4, 1, 65, 0), /bDescriptorType: expected 3, found 1/],
  ["half a character", Uint8Array.of(3, 3, 65), /bLength: expected an even number, found 3/],
];
for (const [name, bytes, message] of refused) {
  test(`${name} is refused`, () => {
    assert.throws(() => parseString(bytes), message);
  });
}

test("random bytes give text or a DeviceError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        parseString(bytes);
        parseLanguages(bytes);
      } catch (error) {
        assert(error instanceof DeviceError);
      }
    }),
  );
});
