// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceErrorKinds } from "@ring3/core/errors";
import * as nbd from "@ring3/kernel/nbd/constants";
import fc from "fast-check";
import {
  BLOCK_DISCARD,
  BLOCK_MEDIUM_PRESENT,
  BLOCK_READ_ONLY,
  BLOCK_ROTATIONAL,
  type Geometry,
} from "./contract.ts";
import { diskExport, nbdAddress, nbdError, refusal, type Serving } from "./endpoint-nbd-export.ts";

const geometry: Geometry = {
  sectorBytes: 512,
  sectors: 4096,
  maxTransferSectors: 240,
  flags: BLOCK_MEDIUM_PRESENT | BLOCK_DISCARD,
  optimalTransferSectors: 0,
  medium: 1,
};
const serving: Serving = { slots: 64, slotBytes: 1_048_576, readOnly: false };

test("a piece is what driver and slot both take, a payload what all slots take, up to 32 MiB", () => {
  const small = diskExport(geometry, serving);
  assert.deepEqual([small.pieceBytes, small.maximumPayload], [240 * 512, 64 * 240 * 512]);
  const large = diskExport({ ...geometry, maxTransferSectors: 1 << 20 }, serving);
  assert.deepEqual([large.pieceBytes, large.maximumPayload], [1_048_576, 33_554_432]);
});

test("a disk beyond 2 TiB has its full size", () => {
  assert.equal(diskExport({ ...geometry, sectors: 2 ** 33 }, serving).bytes, 2 ** 42);
});

for (const [sectorBytes, maxTransferSectors] of [
  [520, 240],
  [0, 240],
  [131_072, 240],
  [512, 0],
] as const) {
  test(`${maxTransferSectors} sectors of ${sectorBytes} bytes cannot be exported`, () => {
    const odd = { ...geometry, sectorBytes, maxTransferSectors };
    assert.throws(() => diskExport(odd, serving), { kind: "unsupported" });
  });
}

const always =
  nbd.NBD_FLAG_HAS_FLAGS |
  nbd.NBD_FLAG_SEND_FLUSH |
  nbd.NBD_FLAG_SEND_FUA |
  nbd.NBD_FLAG_SEND_CACHE |
  nbd.NBD_FLAG_CAN_MULTI_CONN;
const flagTable: [string, number, Partial<Serving>, number][] = [
  ["a disk that can discard", BLOCK_DISCARD, {}, nbd.NBD_FLAG_SEND_WRITE_ZEROES | nbd.NBD_FLAG_SEND_TRIM],
  ["a disk that cannot discard", 0, {}, nbd.NBD_FLAG_SEND_WRITE_ZEROES],
  ["a read-only medium", BLOCK_READ_ONLY | BLOCK_DISCARD, {}, nbd.NBD_FLAG_READ_ONLY],
  ["a disk opened for reading", BLOCK_DISCARD, { readOnly: true }, nbd.NBD_FLAG_READ_ONLY],
  [
    "a rotational read-only disk",
    BLOCK_ROTATIONAL | BLOCK_READ_ONLY,
    {},
    nbd.NBD_FLAG_READ_ONLY | nbd.NBD_FLAG_ROTATIONAL,
  ],
];

for (const [name, flags, how, expected] of flagTable) {
  test(`flags of ${name}`, () => {
    assert.equal(diskExport({ ...geometry, flags }, { ...serving, ...how }).flags, always | expected);
  });
}

test("no request that is let through reaches beyond the export or between sectors", () => {
  const disk = diskExport(geometry, serving);
  const request = fc.record({
    type: fc.nat(8),
    flags: fc.constantFrom(0, 1, 2, 4),
    offset: fc.oneof(
      fc.nat(4200).map((sector) => sector * 512),
      fc.nat(),
      fc.constant(2 ** 64),
    ),
    length: fc.oneof(
      fc.nat(100).map((sectors) => sectors * 512),
      fc.nat(0xffff_ffff),
    ),
    cookieHigh: fc.constant(0),
    cookieLow: fc.constant(0),
  });
  fc.assert(
    fc.property(request, fc.boolean(), (asked, structured) => {
      fc.pre(asked.type !== nbd.NBD_CMD_FLUSH && refusal(asked, disk, structured) === undefined);
      assert.ok(asked.length > 0 && asked.offset + asked.length <= disk.bytes);
      assert.equal((asked.offset % 512) + (asked.length % 512), 0);
      assert.ok([0, 1, 4, 5, 6].includes(asked.type));
    }),
  );
});

test("DF is refused where structured replies were not negotiated", () => {
  const disk = diskExport(geometry, serving);
  const request = {
    type: nbd.NBD_CMD_READ,
    flags: nbd.NBD_CMD_FLAG_DF,
    offset: 0,
    length: 512,
    cookieHigh: 0,
    cookieLow: 0,
  };
  assert.equal(refusal(request, disk, false)?.error, nbd.NBD_EINVAL);
  assert.equal(refusal(request, disk, true), undefined);
});

test("every kind of failure has one of NBD's error values", () => {
  const values = [
    nbd.NBD_EPERM,
    nbd.NBD_EIO,
    nbd.NBD_ENOMEM,
    nbd.NBD_EINVAL,
    nbd.NBD_ENOSPC,
    nbd.NBD_ENOTSUP,
    nbd.NBD_ESHUTDOWN,
  ];
  for (const kind of deviceErrorKinds) assert.ok(values.includes(nbdError(kind, 0)), kind);
  assert.equal(nbdError("lost-writes", 5), nbd.NBD_EIO);
  assert.equal(nbdError("io", 12), nbd.NBD_ENOMEM);
});

test("an address escapes what a URI must, and leaves the path's slashes", () => {
  const address = nbdAddress("usb-1:1.0#0", "/run/ring3/a b&c?.sock");
  assert.equal(address, "nbd+unix:///usb-1%3A1.0%230?socket=/run/ring3/a%20b%26c%3F.sock");
});
