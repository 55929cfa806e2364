// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kernelDisk as disk } from "../disk/kernel-disk.fixture.ts";
import type { KernelDisk } from "../disk/kernel-disk.ts";
import {
  UBLK_ATTR_FUA,
  UBLK_ATTR_READ_ONLY,
  UBLK_ATTR_VOLATILE_CACHE,
  UBLK_PARAM_TYPE_BASIC,
  UBLK_PARAM_TYPE_DISCARD,
} from "./constants.ts";
import { ublkParameters } from "./disk.ts";

test("sizes are told in sectors of 512 bytes, whatever the disk's own are", () => {
  const { logicalBsShift, maxSectors, devSectors, maxDiscardSectors, types } = ublkParameters(disk);
  assert.deepEqual([logicalBsShift, maxSectors, devSectors, maxDiscardSectors], [12, 512, 2048, 32_768]);
  assert.equal(types, UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_DISCARD);
});

test("FUA is told only of a disk with a cache; one that cannot discard says nothing of it", () => {
  const attributes = (change: Partial<KernelDisk>) => ublkParameters({ ...disk, ...change }).attrs;
  assert.equal(attributes({}), UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA);
  assert.equal(attributes({ writeCache: false, readOnly: true }), UBLK_ATTR_READ_ONLY);
  assert.equal(ublkParameters({ ...disk, discardBytes: 0 }).types, UBLK_PARAM_TYPE_BASIC);
});

test("a disk that the kernel cannot have is refused", () => {
  assert.throws(() => ublkParameters({ ...disk, sectorBytes: 8192 }), { kind: "unsupported" });
});
