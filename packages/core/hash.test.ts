// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fnv1a32, fnv1a64 } from "./hash.ts";

test("the published test vectors of FNV-1a", () => {
  assert.deepEqual(["", "a", "foobar"].map(fnv1a64), [
    "cbf29ce484222325",
    "af63dc4c8601ec8c",
    "85944171f73967e8",
  ]);
  const narrow = ["", "a", "foobar"].map((text) => fnv1a32(new TextEncoder().encode(text)));
  assert.deepEqual(narrow, [0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
});

test("two halves of 32 bits give what 64-bit arithmetic gives", () => {
  const reference = (text: string): string => {
    let hash = 0xcbf29ce484222325n;
    for (const byte of new TextEncoder().encode(text))
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
    return hash.toString(16).padStart(16, "0");
  };
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => fnv1a64(text) === reference(text)),
  );
});
