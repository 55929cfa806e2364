// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hidName } from "./name.ts";
import type { HidUsb } from "./types.ts";

const named = (manufacturerName?: string, productName?: string): string =>
  hidName({ vendorId: 0x79, productId: 0x6, manufacturerName, productName } as HidUsb);

test("a HID device is called by maker and product, by what there is of them, else by its ids", () => {
  assert.deepEqual(
    [named("Acme", "Pad"), named(undefined, "Pad"), named("Acme"), named("", "Pad"), named()],
    ["Acme Pad", "Pad", "Acme", "Pad", "HID 0079:0006"],
  );
});

test("what a device calls itself is cut to what a unit may be called", () => {
  assert.equal(named("\u0000Acme\n", "Pad"), "Acme Pad");
  assert.equal(named("x".repeat(78), "Pad"), `${"x".repeat(78)} `);
  assert.equal([...named("🎮".repeat(100))].length, 79);
  assert.equal(named("\u0001"), "HID 0079:0006");
});
