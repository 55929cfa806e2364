// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keyboardKeys } from "./keyboard-layout.ts";

test("a plain keyboard has 104 keys, each once", () => {
  assert.equal(keyboardKeys.length, 104);
  assert.equal(new Set(keyboardKeys.map(({ code }) => code)).size, 104);
});

test("no two keys lie on one another, and all within 23 by 6.5 of a key's width", () => {
  for (const [index, one] of keyboardKeys.entries()) {
    assert.ok(one.x + one.width <= 23 && one.y + one.height <= 6.5, one.label);
    for (const other of keyboardKeys.slice(index + 1)) {
      const apart =
        one.x + one.width <= other.x ||
        other.x + other.width <= one.x ||
        one.y + one.height <= other.y ||
        other.y + other.height <= one.y;
      assert.ok(apart, `${one.label} and ${other.label}`);
    }
  }
});
