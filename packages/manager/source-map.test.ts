// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { seatIn } from "@ring3/control/driver-stack";
import { inSources } from "./source-map.ts";

const stack = "Error: it broke\n    at read (driver:usb-storage#12:1:1)\n    at x (driver:other#3:2:2)";
/** Line 1 column 1 of the bundle is line 1 column 1 of its one source. */
const map = JSON.stringify({ version: 3, sources: ["../driver.ts"], names: [], mappings: "AAAA" });

test("whose code failed is told by the innermost frame of a driver's", () => {
  assert.equal(seatIn(stack), 12);
  assert.equal(seatIn("Error\n    at sdk.ts:1:1\n    at driver:a#2:1:1"), 2);
  for (const none of ["", "at driver:usb-storage:1:1", "at driver:#2:1:1", "at driver:a#x:1:1"])
    assert.equal(seatIn(none), undefined);
});

test("a driver's stack reads as if it were alone, with a map and without", () => {
  assert.equal(
    inSources(stack, "usb-storage", undefined),
    "Error: it broke\n    at read (driver:usb-storage:1:1)\n    at x (driver:other:2:2)",
  );
  assert.equal(
    inSources(stack, "usb-storage", map),
    "Error: it broke\n    at read (driver.ts:1:1)\n    at x (driver:other:2:2)",
  );
});
