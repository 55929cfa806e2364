// Runs in: tests. Owns: a folder that looks like /sys/block.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { kernelDisk } from "../disk/kernel-disk.fixture.ts";
import { nbdFlags } from "./disk.ts";
import { nbdDevices } from "./sysfs.ts";

// proto.md, "Transmission flags"
const [HAS_FLAGS, READ_ONLY, FLUSH, FUA, ROTATIONAL, TRIM, ZEROES] = [1, 2, 4, 8, 16, 32, 64];

test("a disk's flags are what its NBD server would tell; flush and FUA go with a cache", () => {
  assert.equal(nbdFlags(kernelDisk), HAS_FLAGS | FLUSH | FUA | TRIM);
  const other = { readOnly: true, rotational: true, writeCache: false, discardBytes: 0, zeroesBytes: 512 };
  assert.equal(nbdFlags({ ...kernelDisk, ...other }), HAS_FLAGS | READ_ONLY | ROTATIONAL | ZEROES);
  assert.throws(() => nbdFlags({ ...kernelDisk, sectorBytes: 8192 }), { kind: "unsupported" });
});

test("of the kernel's disks those of nbd are told, with their backend where they have one", (context) => {
  const root = mkdtempSync(join(tmpdir(), "ring3-sysfs-"));
  context.after(() => rmSync(root, { recursive: true }));
  const files = {
    "nbd0/size": "0\n",
    "nbd16/size": "2048\n",
    "nbd16/backend": "ring3 x\n",
    "sda/size": "8\n",
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  assert.deepEqual(nbdDevices(root), [
    { index: 0, bytes: 0, backend: undefined },
    { index: 16, bytes: 1 << 20, backend: "ring3 x" },
  ]);
});
