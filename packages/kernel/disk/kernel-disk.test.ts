// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelDisk } from "./kernel-disk.fixture.ts";
import { requireFit } from "./kernel-disk.ts";

test("a disk that the kernel cannot have is refused", () => {
  for (const sectorBytes of [256, 520, 8192])
    assert.throws(() => requireFit({ ...kernelDisk, sectorBytes }), { kind: "unsupported" });
  assert.throws(() => requireFit({ ...kernelDisk, transferBytes: 2048 }), { kind: "unsupported" });
  for (const sectorBytes of [512, 4096]) requireFit({ ...kernelDisk, sectorBytes });
});
