// Runs in: tests. Owns: a target on a scratch image; no USB in between.
import assert from "node:assert/strict";
import { truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { scratch } from "../../usbip/test/sim-process.ts";
import { Image } from "../disk.ts";
import { pattern, read10, u16, u32, write10 } from "../test/bulk-only-host.ts";
import type { Plan } from "./plan.ts";
import type { Sense } from "./sense.ts";
import { ScsiTarget } from "./target.ts";
import { LogicalUnit, type UnitOptions } from "./unit.ts";

const MIB = 1048576;

function bench(options: Partial<UnitOptions> & { bytes?: number } = {}) {
  const folder = scratch();
  const path = folder.path("image");
  writeFileSync(path, "");
  truncateSync(path, options.bytes ?? MIB);
  const unitOptions: UnitOptions = {
    ...{ lun: 0, sectorBytes: 512, readOnly: false, removable: false, writeCache: false },
    ...{ vendor: "ring3", product: "Test", serial: "0123456789AB" },
    ...options,
  };
  const badSectors = new Set<number>();
  const image = Image.open(path, { readOnly: false, sectorBytes: unitOptions.sectorBytes });
  const unit = new LogicalUnit(unitOptions, image, badSectors);
  const target = new ScsiTarget([unit]);
  unit.takeAttention(); // power on
  return { target, unit, image, badSectors, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

async function dataIn(plan: Plan): Promise<Buffer> {
  return Buffer.from(plan.length === 0 ? [] : await plan.source(0, plan.length));
}

async function run(target: ScsiTarget, cdb: readonly number[], data?: Uint8Array): Promise<string> {
  const plan = target.plan(0, Uint8Array.from(cdb));
  await plan.sink(data === undefined ? [] : [data], data?.length ?? 0);
  const sense = await plan.finish();
  target.conclude(0, sense);
  return code(sense);
}

function code(sense: Sense | undefined): string {
  if (sense === undefined) return "good";
  return [sense.key, sense.asc, sense.ascq].map((byte) => byte.toString(16).padStart(2, "0")).join("/");
}

const u64 = (value: number) => [...u32(Math.floor(value / 2 ** 32)), ...u32(value % 2 ** 32)];
const read16 = (lba: number, count: number) => [0x88, 0, ...u64(lba), ...u32(count), 0, 0];
const write16 = (lba: number, count: number) => [0x8a, 0, ...u64(lba), ...u32(count), 0, 0];

test("a reset does not hide that power was lost before it", async () => {
  using b = bench();
  b.unit.reset();
  assert.equal(code(b.unit.takeAttention()), "06/29/03");
  b.unit.losePower();
  b.unit.reset();
  assert.equal(code(b.unit.takeAttention()), "06/29/01");
  assert.equal(code(b.unit.takeAttention()), "good");
});

test("commands that are wrong get the sense data that says how", async () => {
  using b = bench();
  const cases: [string, number[], string][] = [
    ["unknown operation code", [0xc0, 0, 0, 0, 0, 0], "05/20/00"],
    ["read beyond the end", read10(2048, 1), "05/21/00"],
    ["read across the end", read10(2047, 2), "05/21/00"],
    ["write beyond the end", write10(2048, 1), "05/21/00"],
    ["read at 2^63", [0x88, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], "05/21/00"],
    ["protection information", [0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0], "05/24/00"],
    ["command block cut short", [0x28, 0, 0, 0, 0, 0], "05/24/00"],
    ["unknown vital product data page", [0x12, 1, 0x99, 0, 255, 0], "05/24/00"],
    ["page code without EVPD", [0x12, 0, 0x80, 0, 255, 0], "05/24/00"],
    ["unknown mode page", [0x1a, 0, 0x05, 0, 255, 0], "05/24/00"],
    ["saved mode pages", [0x1a, 0, 0xc8, 0, 255, 0], "05/39/00"],
    ["unknown service action", [0x9e, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], "05/24/00"],
    ["eject of a fixed disk", [0x1b, 0, 0, 0, 2, 0], "05/24/00"],
    ["WRITE SAME without a count", [0x93, 0, ...u64(0), ...u32(0), 0, 0], "05/24/00"],
    ["descriptor format sense", [0x03, 1, 0, 0, 18, 0], "05/24/00"],
  ];
  for (const [name, cdb, expected] of cases) assert.equal(await run(b.target, cdb), expected, name);
});

test("what is written is read, by all command sizes", async () => {
  using b = bench();
  const data = pattern(4 * 512, 1);
  assert.equal(await run(b.target, write10(8, 4), data), "good");
  assert.deepEqual(await dataIn(b.target.plan(0, Uint8Array.from(read16(8, 4)))), data);
  const later = pattern(512, 9);
  assert.equal(await run(b.target, write16(9, 1), later), "good");
  const read12 = [0xa8, 0, ...u32(9), ...u32(1), 0, 0];
  assert.deepEqual(await dataIn(b.target.plan(0, Uint8Array.from(read12))), later);
  const write12 = [0xaa, 0, ...u32(9), ...u32(1), 0, 0];
  assert.equal(await run(b.target, write12, data.subarray(512, 1024)), "good");
  assert.deepEqual(await dataIn(b.target.plan(0, Uint8Array.from(read10(8, 4)))), data);
});

test("write data in pieces that end inside sectors arrives whole", async () => {
  using b = bench();
  const data = pattern(3 * 512, 5);
  const plan = b.target.plan(0, Uint8Array.from(write10(0, 3)));
  for (const [from, to] of [
    [0, 100],
    [100, 700],
    [700, 1536],
  ])
    await plan.sink([data.subarray(from, to)], to! - from!);
  assert.equal(code(await plan.finish()), "good");
  assert.deepEqual(await dataIn(b.target.plan(0, Uint8Array.from(read10(0, 3)))), data);
});

test("capacity of a disk beyond 2 TiB: FFFFFFFF in READ CAPACITY (10), the truth in (16)", async () => {
  using b = bench({ bytes: 3 * 2 ** 40 });
  const ten = await dataIn(b.target.plan(0, Uint8Array.from([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0])));
  assert.equal(ten.toString("hex"), "ffffffff00000200");
  const sixteen = [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0];
  const long = await dataIn(b.target.plan(0, Uint8Array.from(sixteen)));
  assert.equal(long.readBigUInt64BE(0), BigInt((3 * 2 ** 40) / 512 - 1));
  assert.equal(long.readUInt32BE(8), 512);
  const last = (3 * 2 ** 40) / 512 - 1;
  const data = pattern(512, 2);
  assert.equal(await run(b.target, write16(last, 1), data), "good");
  assert.deepEqual(await dataIn(b.target.plan(0, Uint8Array.from(read16(last, 1)))), data);
  assert.equal(await run(b.target, read16(last, 2)), "05/21/00");
});

test("capacity of a 4096-byte disk counts 4096-byte sectors", async () => {
  using b = bench({ sectorBytes: 4096 });
  const ten = await dataIn(b.target.plan(0, Uint8Array.from([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0])));
  assert.equal(ten.toString("hex"), "000000ff00001000");
});

test("vital product data lists its own pages, and each page says its code and length", async () => {
  using b = bench();
  const page = async (code: number) => dataIn(b.target.plan(0, Uint8Array.from([0x12, 1, code, 0, 255, 0])));
  assert.equal((await page(0)).toString("hex"), "00000006008083b0b1b2");
  assert.equal((await page(0x80)).toString("latin1", 4), "0123456789AB");
  assert.equal((await page(0x83)).toString("latin1", 8), "ring3   Test            0123456789AB");
  const lengths = await Promise.all([0xb0, 0xb1, 0xb2].map(async (code) => (await page(code)).length));
  assert.deepEqual(lengths, [64, 64, 8]);
  assert.equal((await page(0xb0)).readUInt32BE(20), 2 ** 31 / 512);
  assert.equal((await page(0xb2))[5], 0xe4);
});

test("mode data tells write protection and the write cache", async () => {
  using plain = bench();
  using special = bench({ readOnly: true, writeCache: true });
  const caching = async (target: ScsiTarget) =>
    dataIn(target.plan(0, Uint8Array.from([0x1a, 0, 0x08, 0, 192, 0])));
  const before = await caching(plain.target);
  assert.deepEqual([before[0], before[2], before[4], before[5], before[6]], [23, 0x10, 0x08, 18, 0]);
  const after = await caching(special.target);
  assert.deepEqual([after[2], after[6]], [0x90, 0x04]);
  const all = await dataIn(plain.target.plan(0, Uint8Array.from([0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 192, 0])));
  assert.deepEqual([all.length, all.readUInt16BE(0), all[8], all[28]], [40, 38, 0x08, 0x0a]);
});

test("a read-only disk refuses every change and reads on", async () => {
  using b = bench({ readOnly: true });
  const changes = [write10(0, 1), [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], [0x93, 8, ...u64(0), ...u32(1), 0, 0]];
  for (const cdb of changes) assert.equal(await run(b.target, cdb), "07/27/00");
  assert.equal((await dataIn(b.target.plan(0, Uint8Array.from(read10(0, 1))))).length, 512);
});

test("UNMAP and WRITE SAME leave zeroes in their range and nothing else", async () => {
  using b = bench();
  const data = pattern(16 * 512, 7);
  await run(b.target, write10(0, 16), data);
  const list = Buffer.from([0, 38, 0, 32, 0, 0, 0, 0, ...unmapped(2, 2), ...unmapped(6, 1)]);
  assert.equal(await run(b.target, [0x42, 0, 0, 0, 0, 0, 0, ...u16(list.length), 0], list), "good");
  assert.equal(await run(b.target, [0x93, 0x08, ...u64(8), ...u32(2), 0, 0], new Uint8Array(512)), "good");
  assert.equal(await run(b.target, [0x93, 0x01, ...u64(11), ...u32(1), 0, 0]), "good"); // NDOB
  const block = pattern(512, 99);
  assert.equal(await run(b.target, [0x41, 0, ...u32(12), 0, ...u16(2), 0], block), "good");
  const expected = Buffer.from(data);
  expected.fill(0, 2 * 512, 4 * 512).fill(0, 6 * 512, 7 * 512);
  expected.fill(0, 8 * 512, 10 * 512).fill(0, 11 * 512, 12 * 512);
  expected.set(block, 12 * 512);
  expected.set(block, 13 * 512);
  assert.deepEqual(await dataIn(b.target.plan(0, Uint8Array.from(read10(0, 16)))), expected);
});

const unmapped = (lba: number, count: number) => [...u64(lba), ...u32(count), 0, 0, 0, 0];

test("an unmapped range of megabytes reads as zeroes and its neighbours are untouched", async () => {
  using b = bench({ bytes: 4 * MIB });
  const data = pattern(4 * MIB, 7);
  await run(b.target, write10(0, 8192), data);
  const list = Buffer.from([0, 22, 0, 16, 0, 0, 0, 0, ...unmapped(1, 6000)]);
  assert.equal(await run(b.target, [0x42, 0, 0, 0, 0, 0, 0, ...u16(list.length), 0], list), "good");
  const expected = Buffer.from(data).fill(0, 512, 6001 * 512);
  const found = await dataIn(b.target.plan(0, Uint8Array.from(read10(0, 8192))));
  assert.ok(found.equals(expected));
});

test("UNMAP lists that are wrong are refused before anything is unmapped", async () => {
  using b = bench();
  const data = pattern(512, 7);
  await run(b.target, write10(0, 1), data);
  const list = (...descriptors: number[][]) =>
    Buffer.from([0, 0, ...u16(descriptors.length * 16), 0, 0, 0, 0, ...descriptors.flat()]);
  const cdb = (length: number) => [0x42, 0, 0, 0, 0, 0, 0, ...u16(length), 0];
  const beyond = list(unmapped(0, 1), unmapped(2047, 2));
  assert.equal(await run(b.target, cdb(beyond.length), beyond), "05/21/00");
  const many = list(...Array.from({ length: 65 }, () => unmapped(0, 1)));
  assert.equal(await run(b.target, cdb(many.length), many), "05/26/00");
  assert.equal(await run(b.target, cdb(7)), "05/1a/00");
  assert.deepEqual(await dataIn(b.target.plan(0, Uint8Array.from(read10(0, 1)))), data);
});

test("a medium error ends a read before the bad sector, and a write heals it", async () => {
  using b = bench();
  b.badSectors.add(5);
  const plan = b.target.plan(0, Uint8Array.from(read10(3, 4)));
  assert.equal(plan.length, 2 * 512);
  assert.deepEqual(await plan.finish(), { key: 3, asc: 0x11, ascq: 0, information: 5 });
  assert.equal(await run(b.target, [0x2f, 0, ...u32(5), 0, ...u16(1), 0]), "03/11/00");
  assert.equal(await run(b.target, write10(5, 1), pattern(512, 1)), "good");
  assert.equal(await run(b.target, read10(3, 4)), "good");
});

test("VERIFY with data compares it", async () => {
  using b = bench();
  const data = pattern(512, 1);
  await run(b.target, write10(5, 1), data);
  const verify = [0x2f, 0x02, ...u32(5), 0, ...u16(1), 0];
  assert.equal(await run(b.target, verify, data), "good");
  assert.equal(await run(b.target, verify, pattern(512, 2)), "0e/1d/00");
});

test("sense data is kept until the next command and told once", async () => {
  using b = bench();
  const sense = async () => {
    const bytes = await dataIn(b.target.plan(0, Uint8Array.from([3, 0, 0, 0, 18, 0])));
    return [bytes[2], bytes[12], bytes[13]];
  };
  await run(b.target, read10(9999, 1));
  assert.deepEqual(await sense(), [5, 0x21, 0]);
  assert.deepEqual(await sense(), [0, 0, 0]);
  await run(b.target, read10(9999, 1));
  await run(b.target, [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(await sense(), [0, 0, 0]);
});

test("a medium that is taken out, put back and locked", async () => {
  using b = bench({ removable: true });
  const ready = [0, 0, 0, 0, 0, 0];
  const eject = [0x1b, 0, 0, 0, 2, 0];
  assert.equal(await run(b.target, [0x1e, 0, 0, 0, 1, 0]), "good");
  assert.equal(await run(b.target, eject), "05/53/02");
  assert.equal(await run(b.target, [0x1e, 0, 0, 0, 0, 0]), "good");
  const path = b.image.path;
  assert.equal(await run(b.target, eject), "good");
  assert.equal(await run(b.target, ready), "02/3a/00");
  assert.equal(await run(b.target, read10(0, 1)), "02/3a/00");
  b.unit.insert(Image.open(path, { readOnly: false, sectorBytes: 512 }));
  assert.equal(await run(b.target, ready), "06/28/00");
  assert.equal(await run(b.target, ready), "good");
});

test("a stopped unit wants to be started", async () => {
  using b = bench();
  await run(b.target, [0x1b, 0, 0, 0, 0, 0]);
  assert.equal(await run(b.target, read10(0, 1)), "02/04/02");
  await run(b.target, [0x1b, 0, 0, 0, 1, 0]);
  assert.equal(await run(b.target, read10(0, 1)), "good");
});

test("INQUIRY and REPORT LUNS leave a unit attention for the next command", async () => {
  using b = bench();
  b.target.losePower();
  assert.equal(await run(b.target, [0x12, 0, 0, 0, 36, 0]), "good");
  const luns = await dataIn(b.target.plan(0, Uint8Array.from([0xa0, 0, 0, 0, 0, 0, ...u32(64), 0, 0])));
  assert.equal(luns.toString("hex"), "00000008000000000000000000000000");
  assert.equal(await run(b.target, [0, 0, 0, 0, 0, 0]), "06/29/01");
  assert.equal(await run(b.target, [0, 0, 0, 0, 0, 0]), "good");
});

test("a LUN that is not there: INQUIRY says so, the rest is refused", async () => {
  using b = bench();
  const inquiry = await dataIn(b.target.plan(3, Uint8Array.from([0x12, 0, 0, 0, 36, 0])));
  assert.equal(inquiry[0], 0x7f);
  assert.equal(code(await b.target.plan(3, Uint8Array.from(read10(0, 1))).finish()), "05/25/00");
});
