// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  UBLK_ATTR_FUA,
  UBLK_ATTR_READ_ONLY,
  UBLK_ATTR_VOLATILE_CACHE,
  UBLK_PARAM_TYPE_BASIC,
  UBLK_PARAM_TYPE_DISCARD,
} from "./constants.ts";
import { type KernelDisk, ublkParameters } from "./disk.ts";

const disk: KernelDisk = {
  bytes: 1 << 20,
  sectorBytes: 4096,
  transferBytes: 1 << 18,
  queues: 2,
  depth: 32,
  readOnly: false,
  rotational: false,
  writeCache: true,
  fua: true,
  discardBytes: 1 << 24,
  zeroesBytes: 0,
};

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
  for (const sectorBytes of [256, 520, 8192])
    assert.throws(() => ublkParameters({ ...disk, sectorBytes }), { kind: "unsupported" });
  assert.throws(() => ublkParameters({ ...disk, transferBytes: 2048 }), { kind: "unsupported" });
});
