import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_FUA, BLOCK_MEDIUM_PRESENT, BLOCK_READ_ONLY, BLOCK_WRITE_CACHE } from "@ring3/sdk";
import { endpoint, usbDescriptors, usbInterface } from "@ring3/sdk/test/descriptors";
import { runDriver } from "@ring3/sdk/test/run-driver";
import { type Step, scriptedUsb } from "@ring3/sdk/test/scripted-usb";
import driver from "./driver.ts";
import {
  descriptors,
  hex,
  inquire,
  look,
  maxLun,
  OUT,
  probe,
  readCdb,
  rigOf,
  SYNC,
  start,
  TUR,
  type Wire,
  writeCdb,
} from "./wire.fixture.ts";

const SECTOR = new Uint8Array(512).fill(0x5a);
const READ = readCdb(5);
const good = (wire: Wire): Step[] => wire.command(READ, { length: 512, in: SECTOR });

type Rig = Awaited<ReturnType<typeof start>>;
const read = (rig: Rig, lba = 5, unit = 0) =>
  rig.patient(rig.driver.units[unit]!.request("read", { lba, count: 1, medium: 1 }, { length: 512 }));
const write = (rig: Rig, lba: number, fua: number) =>
  rig.patient(rig.driver.units[0]!.request("write", { lba, count: 1, fua, medium: 1 }, { data: SECTOR }));
const flush = (rig: Rig) => rig.patient(rig.driver.units[0]!.request("flush", { medium: 1 }));
const geometry = (rig: Rig) => rig.driver.units[0]!.properties;

async function done(rig: Rig): Promise<void> {
  rig.usb.done();
  await rig.driver.remove();
}

async function refuses(script: (wire: Wire) => Step[], expected: object): Promise<void> {
  const rig = rigOf(script);
  await assert.rejects(
    rig.patient(runDriver(driver, { usb: { transport: rig.usb, descriptors }, clock: rig.clock })),
    expected,
  );
  rig.usb.done();
}

test("an old stick: 1024 sectors, nothing known of a cache", async () => {
  const rig = await start(probe);
  assert.deepEqual(geometry(rig), {
    sectorBytes: 512,
    sectors: 1024,
    maxTransferSectors: 2048,
    optimalTransferSectors: 240,
    flags: BLOCK_MEDIUM_PRESENT | BLOCK_WRITE_CACHE,
    medium: 1,
  });
  assert.equal(rig.driver.units[0]!.supports("discard"), false);
  await done(rig);
});

test("a write-protected stick is read-only, and refuses writes by itself", async () => {
  const rig = await start((wire) => probe(wire, { mode: "03008000" }));
  assert.equal(geometry(rig).flags & BLOCK_READ_ONLY, BLOCK_READ_ONLY);
  await assert.rejects(write(rig, 0, 0), { kind: "read-only" });
  await flush(rig);
  await done(rig);
});

test("more than 2 TiB: READ CAPACITY (16), then 16-byte commands beyond 2^32 sectors", async () => {
  const rig = await start((wire) => [
    maxLun(hex("00")),
    ...inquire(wire),
    ...wire.command(TUR),
    ...wire.command("25000000000000000000", { length: 8, in: hex("ffffffff00000200") }),
    ...wire.command("9e100000000000000000000000200000", {
      length: 32,
      in: hex(`00000001 7fffffff 00000200 ${"00".repeat(20)}`),
    }),
    ...wire.command("1a003f00c000", { length: 192, in: hex("03000000"), residue: 188 }),
    ...wire.command(readCdb(5), { length: 512, in: SECTOR }),
    ...wire.command("88000000000140000000000000010000", { length: 512, in: SECTOR }),
  ]);
  assert.equal(geometry(rig).sectors, 0x1_8000_0000);
  await read(rig, 5);
  await read(rig, 0x1_4000_0000);
  await assert.rejects(read(rig, 0x1_8000_0000), { kind: "out-of-range" });
  await done(rig);
});

test("a large read is cut into commands of 120 KiB", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.command(readCdb(0, 240), { length: 240 * 512, in: new Uint8Array(240 * 512) }),
    ...wire.command(readCdb(240, 60), { length: 60 * 512, in: new Uint8Array(60 * 512) }),
  ]);
  const port = rig.driver.units[0]!;
  await rig.patient(port.request("read", { lba: 0, count: 300, medium: 1 }, { length: 300 * 512 }));
  await done(rig);
});

test("FUA by the device where it says DPOFUA, else by a flush", async () => {
  const able = await start((wire) => [
    ...probe(wire, { mode: "03001000" }),
    ...wire.command("2a080000000300000100", { out: SECTOR }),
  ]);
  assert.equal(geometry(able).flags & BLOCK_FUA, BLOCK_FUA);
  await write(able, 3, 1);
  await done(able);
  const unable = await start((wire) => [
    ...probe(wire),
    ...wire.command(writeCdb(3), { out: SECTOR }),
    ...wire.command(SYNC),
  ]);
  await write(unable, 3, 1);
  await done(unable);
});

test("FUA by a flush: the write is repeated if it was lost before the flush", async () => {
  const written = (wire: Wire): Step[] => [
    ...wire.command(writeCdb(3), { out: SECTOR }),
    ...wire.command(SYNC, { status: 1 }),
  ];
  const rig = await start((wire) => [
    ...probe(wire),
    ...written(wire),
    ...wire.sense(0x6, 0x29, 0x01),
    ...wire.command(SYNC),
    ...written(wire),
    ...wire.sense(0x3, 0x0c, 0x00, 0x71),
    ...wire.command(SYNC),
    ...wire.command(writeCdb(3), { out: SECTOR }),
    ...wire.command(SYNC),
  ]);
  await write(rig, 3, 1);
  assert.deepEqual(rig.events, ["powerLost", "writesLost"]);
  await done(rig);
});

test("a disk without a write cache is not asked to flush", async () => {
  const rig = await start((wire) => probe(wire, { mode: `17000000 0812 00${"00".repeat(17)}` }));
  assert.equal(geometry(rig).flags & BLOCK_WRITE_CACHE, 0);
  await flush(rig);
  await done(rig);
});

test("a stick that does not know SYNCHRONIZE CACHE has no cache, and is asked once", async () => {
  const rig = await start((wire) => [...probe(wire), ...wire.refused(SYNC, 0x5, 0x20)]);
  await flush(rig);
  await flush(rig);
  await done(rig);
});

const CACHED = `17000000 0812 04${"00".repeat(17)}`;
const SYNC_16 = "91000000000000000000000000000000";

test("a disk that has a cache and refuses SYNCHRONIZE CACHE (10) is asked for (16), and refusing both fails the flush", async () => {
  const rig = await start((wire) => [
    ...probe(wire, { mode: CACHED }),
    ...wire.refused(SYNC, 0x5, 0x20),
    ...wire.command(SYNC_16),
    ...wire.refused(SYNC, 0x5, 0x20),
    ...wire.refused(SYNC_16, 0x5, 0x20),
  ]);
  await flush(rig);
  await assert.rejects(flush(rig), { kind: "unsupported" });
  await done(rig);
});

test("a stick that tells nothing of a cache and knows SYNCHRONIZE CACHE, but not so, may have one", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.refused(SYNC, 0x5, 0x24),
    ...wire.refused(SYNC_16, 0x5, 0x20),
  ]);
  await assert.rejects(flush(rig), { kind: "unsupported" });
  await done(rig);
});

test("a unit that starts by itself is waited for; one that needs it is started", async () => {
  const rig = await start((wire) => [
    maxLun("stall"),
    ...inquire(wire),
    ...wire.refused(TUR, 0x6, 0x29),
    ...wire.refused(TUR, 0x2, 0x04, 0x02),
    ...wire.command("1b0000000100"),
    ...wire.refused(TUR, 0x2, 0x04, 0x01),
    ...wire.refused(TUR, 0x2, 0x04, 0x01),
    ...wire.command(TUR),
    ...look(wire),
  ]);
  assert.equal(geometry(rig).sectors, 1024);
  assert.deepEqual(rig.events, []);
  await done(rig);
});

test("a passing error is tried three times in all", async () => {
  const aborted = (wire: Wire): Step[] => [
    ...wire.command(READ, { length: 512, in: hex(""), residue: 512, status: 1 }),
    ...wire.sense(0xb, 0x08),
  ];
  const rig = await start((wire) => [
    ...probe(wire),
    ...aborted(wire),
    ...aborted(wire),
    ...good(wire),
    ...aborted(wire),
    ...aborted(wire),
    ...aborted(wire),
  ]);
  await read(rig);
  await assert.rejects(read(rig), { kind: "io", message: /READ \(10\): sense bh\/08h\/00h/ });
  await done(rig);
});

test("a recovered error is a success", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.command(READ, { length: 512, in: SECTOR, status: 1 }),
    ...wire.sense(0x1, 0x17),
  ]);
  await read(rig);
  await done(rig);
});

test("several LUNs are units in their order; what is no disk is left out", async () => {
  const rig = await start((wire) => [
    maxLun(hex("02")),
    ...inquire(wire),
    ...wire.command(TUR),
    ...look(wire),
    ...inquire(wire, { inquiry: `05 ${"00".repeat(35)}`, lun: 1 }),
    ...inquire(wire, { lun: 2 }),
    ...wire.command(TUR, { lun: 2 }),
    ...look(wire, { capacity: "0000ffff00001000", lun: 2 }),
    ...wire.command(readCdb(1), { length: 4096, in: new Uint8Array(4096), lun: 2 }),
  ]);
  assert.deepEqual(
    rig.driver.units.map(({ properties }) => [properties.sectors, properties.sectorBytes]),
    [
      [1024, 512],
      [65_536, 4096],
    ],
  );
  await rig.patient(rig.driver.units[1]!.request("read", { lba: 1, count: 1, medium: 1 }, { length: 4096 }));
  await done(rig);
});

test("a LUN whose medium cannot be used is one without a medium where another LUN works, and looked at again", async () => {
  const capacity = "25000000000000000000";
  const rig = await start((wire) => [
    maxLun(hex("01")),
    ...inquire(wire),
    ...wire.command(TUR),
    ...wire.command(capacity, { length: 8, in: hex("000003ff00000208") }),
    ...inquire(wire, { lun: 1 }),
    ...wire.command(TUR, { lun: 1 }),
    ...look(wire, { lun: 1 }),
    ...wire.refused(TUR, 0x3, 0x11),
    ...wire.command(TUR),
    ...wire.command(capacity, { length: 8, in: hex("000003ff00000208") }),
    ...wire.command(TUR),
    ...look(wire),
    ...good(wire),
  ]);
  const [unit, other] = rig.driver.units;
  assert.deepEqual([unit!.properties.sectors, other!.properties.sectors], [0, 1024]);
  await assert.rejects(read(rig), { kind: "no-medium" });
  await rig.patient(new Promise<void>((resolve) => unit!.on("mediumChanged", () => resolve())));
  assert.equal(unit!.properties.sectors, 1024);
  await rig.patient(unit!.request("read", { lba: 5, count: 1, medium: 2 }, { length: 512 }));
  assert.equal(rig.driver.log.filter(({ message }) => message.includes("cannot be used")).length, 3);
  await done(rig);
});

test("a device that claims a residue on a complete INQUIRY is not believed about residues", async () => {
  const rig = await start((wire) => [
    maxLun(hex("00")),
    ...wire.command("120000002400", { length: 36, in: new Uint8Array(36), residue: 36 }),
    ...wire.command(TUR),
    ...look(wire),
    ...wire.command(READ, { length: 512, in: SECTOR, residue: 512 }),
  ]);
  await read(rig);
  await done(rig);
});

test("a probe that cannot succeed says why", async () => {
  await refuses((wire) => [maxLun(hex("00")), ...inquire(wire, { inquiry: `05 ${"00".repeat(35)}` })], {
    kind: "unsupported",
    message: /no LUN is a disk/,
  });
  await refuses(
    (wire) => [
      maxLun(hex("00")),
      ...wire.command("120000002400", { length: 36, in: hex("0000"), residue: 34 }),
    ],
    {
      kind: "protocol",
      message: /INQUIRY data: expected at least 5 bytes, found 2/,
    },
  );
  await refuses(
    (wire) => [
      maxLun(hex("00")),
      ...inquire(wire),
      ...wire.command(TUR),
      ...wire.command("25000000000000000000", { length: 8, in: hex("000003ff00000208") }),
    ],
    { kind: "unsupported", message: /sectors of 512, 1024, 2048 or 4096 bytes, found 520/ },
  );
  await refuses(() => [maxLun("gone")], { kind: "disconnected" });
});

test("an interface without bulk endpoints is refused", async () => {
  const usb = {
    transport: scriptedUsb(),
    descriptors: usbDescriptors([
      usbInterface({ class: 8, subclass: 6, protocol: 80 }, [endpoint(OUT, "bulk")]),
    ]),
  };
  await assert.rejects(runDriver(driver, { usb }), { kind: "protocol", message: /no bulk in endpoint/ });
});
