import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/sdk";
import fc from "fast-check";
import { CBW_BYTES, decodeCsw, encodeCbw } from "./bot.ts";
import { read, readCapacity16, synchronizeCache, unmapList, write, writeSame16 } from "./cdb.ts";
import {
  parseBlockLimits,
  parseCapacity10,
  parseCapacity16,
  parseInquiry,
  parseModeSense,
  parseProvisioning,
  parseRotational,
  parseSupportedPages,
} from "./replies.ts";
import { meaningOf, parseSense } from "./sense.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("CBW of a READ (10): BOT table 5.1", () => {
  const cbw = new Uint8Array(CBW_BYTES);
  encodeCbw({ tag: 7, lun: 2, direction: "in", dataLength: 4096, cdb: read(1, 8).cdb }, cbw);
  assert.equal(
    toHex(cbw),
    "55534243 07000000 00100000 80 02 0a 28000000000100000800 000000000000".replaceAll(" ", ""),
  );
});

test("CSW: valid and meaningful, or in words why not", () => {
  assert.deepEqual(decodeCsw(hex("55534253 07000000 00000000 00"), 7, 512), { status: "passed", residue: 0 });
  assert.deepEqual(decodeCsw(hex("55534253 07000000 00020000 01"), 7, 512), {
    status: "failed",
    residue: 512,
  });
  assert.deepEqual(decodeCsw(hex("55534253 07000000 ffffffff 02"), 7, 512), {
    status: "phase-error",
    residue: 0xffffffff,
  });
  assert.equal(decodeCsw(hex("55534253 08000000 00000000 00"), 7, 512), "CSW tag 8, expected 7");
  assert.equal(
    decodeCsw(hex("55534253 07000000 01020000 00"), 7, 512),
    "CSW residue 513, expected at most 512",
  );
  assert.equal(decodeCsw(hex("55534253 07000000 00000000 03"), 7, 512), "CSW status 3, expected 0 to 2");
  assert.equal(decodeCsw(hex("55534253 07000000 00000000"), 7, 512), "CSW of 12 bytes, expected 13");
  assert.match(String(decodeCsw(hex("00000000 07000000 00000000 00"), 7, 512)), /signature 0x0/);
});

test("READ and WRITE take the 10-byte form as far as it reaches, then the 16-byte one", () => {
  assert.equal(toHex(read(0xffff_fff8, 8).cdb), "2800fffffff800000800");
  assert.equal(toHex(read(0xffff_fff9, 8).cdb), "880000000000fffffff9000000080000");
  assert.equal(toHex(write(2 ** 40, 1, true).cdb), "8a080000010000000000000000010000");
  assert.equal(toHex(write(5, 65_536, false).cdb), "8a000000000000000005000100000000");
  assert.equal(toHex(write(5, 65_535, true).cdb), "2a080000000500ffff00");
});

test("other commands: SBC-3", () => {
  assert.equal(toHex(synchronizeCache().cdb), "35000000000000000000");
  assert.equal(toHex(readCapacity16(32).cdb), "9e100000000000000000000000200000");
  assert.equal(toHex(writeSame16(16, 256, true).cdb), "93080000000000000010000001000000");
  assert.equal(
    toHex(unmapList(2 ** 33, 64)),
    "00160010 00000000 00000002 00000000 00000040 00000000".replaceAll(" ", ""),
  );
});

test("READ CAPACITY (10) and (16)", () => {
  assert.deepEqual(parseCapacity10(hex("000003ff 00000200")), {
    sectors: 1024,
    sectorBytes: 512,
    provisioned: false,
  });
  assert.equal(parseCapacity10(hex("ffffffff 00000200")), undefined);
  assert.deepEqual(parseCapacity16(hex("0000000200000000 00001000 0000 80")), {
    sectors: 2 ** 33 + 1,
    sectorBytes: 4096,
    provisioned: true,
  });
  assert.throws(() => parseCapacity10(hex("000003ff 00000208")), {
    kind: "unsupported",
    message: /found 520/,
  });
  assert.throws(() => parseCapacity10(hex("000003ff 00")), {
    kind: "protocol",
    message: /at least 8 bytes, found 5/,
  });
  assert.throws(() => parseCapacity16(hex("00ffffffffffffff 00000200")), {
    kind: "protocol",
    message: /beyond 2\^53-1/,
  });
});

test("INQUIRY", () => {
  const data = Buffer.concat([hex("00800602 1f000000"), Buffer.from("ACME    Fast\u001b Disk      1.00")]);
  assert.deepEqual(parseInquiry(data), {
    type: 0,
    connected: true,
    removable: true,
    version: 6,
    vendor: "ACME",
    product: "Fast Disk",
  });
  assert.deepEqual(parseInquiry(hex("7f00000200")).connected, false);
});

test("MODE SENSE: write protection, DPOFUA, the caching page behind other pages and descriptors", () => {
  assert.deepEqual(parseModeSense(hex("03009000"), 6), {
    writeProtected: true,
    fua: true,
    writeCache: undefined,
  });
  const page = (wce: string): string => `08 12 ${wce}${"00".repeat(17)}`;
  assert.equal(parseModeSense(hex(`23000008 0000000000000200 01020000 ${page("04")}`), 6).writeCache, true);
  assert.equal(parseModeSense(hex(`23000000 01020000 ${page("00")}`), 6).writeCache, false);
  assert.equal(parseModeSense(hex(`0025000000000000 4a01000100 ${page("04")}`), 10).writeCache, true);
  assert.equal(parseModeSense(hex(`07000000 01020000 ${page("04")}`), 6).writeCache, undefined); // behind its length
  assert.equal(parseModeSense(hex("23000000 0812"), 6).writeCache, undefined);
});

test("VPD pages", () => {
  assert.deepEqual(parseSupportedPages(hex("00000003 00b0b2")), [0x00, 0xb0, 0xb2]);
  const limits = hex(
    `00b0003c 0000 0000 00000800 00000080 00000000 00100000 ${"00".repeat(12)} 0000000000010000`,
  );
  assert.deepEqual(parseBlockLimits(limits), {
    maxTransfer: 2048,
    optimalTransfer: 128,
    maxUnmap: 0x100000,
    maxWriteSame: 0x10000,
  });
  for (const [rate, rotational] of [
    ["0000", false],
    ["0001", false],
    ["0400", false],
    ["1c20", true],
    ["fffe", true],
    ["ffff", false],
  ] as const)
    assert.equal(parseRotational(hex(`00b1003c ${rate}`)), rotational, rate);
  assert.equal(parseRotational(hex("00b10000")), false);
  assert.deepEqual(parseProvisioning(hex("00b20004 00 c4 0000")), {
    unmap: true,
    writeSame: true,
    readsZeroes: true,
  });
  assert.throws(() => parseProvisioning(hex("00b00004 00c40000")), {
    kind: "protocol",
    message: /page b2h: found page b0h/,
  });
});

test("sense data: fixed, descriptor, deferred, short, none", () => {
  assert.deepEqual(parseSense(hex("f0000600000000 0a 00000000 2801 00000000")), {
    key: 6,
    asc: 0x28,
    ascq: 1,
    deferred: false,
  });
  assert.deepEqual(parseSense(hex("72052400 00000000")), { key: 5, asc: 0x24, ascq: 0, deferred: false });
  assert.equal(parseSense(hex("710003"))?.deferred, true);
  assert.equal(parseSense(hex("73030c00"))?.deferred, true);
  assert.equal(parseSense(hex("")), undefined);
  assert.equal(parseSense(hex("ff0000")), undefined);
});

test("what sense data means", () => {
  const meaning = (key: number, asc = 0, ascq = 0): string => {
    const found = meaningOf({ key, asc, ascq, deferred: false });
    return [
      found.action,
      ...("kind" in found ? [found.kind] : []),
      ...("of" in found ? [found.of] : []),
    ].join(" ");
  };
  assert.equal(meaning(0x0), "retry io");
  assert.equal(meaning(0x1, 0x17), "done");
  assert.equal(meaning(0x2, 0x04, 0x01), "wait");
  assert.equal(meaning(0x2, 0x04, 0x02), "start");
  assert.equal(meaning(0x2, 0x04, 0x03), "fail io");
  assert.equal(meaning(0x2, 0x3a), "fail no-medium");
  assert.equal(meaning(0x3, 0x11), "fail medium");
  assert.equal(meaning(0x4, 0x44), "retry io");
  assert.equal(meaning(0x5, 0x20), "fail unsupported");
  assert.equal(meaning(0x5, 0x21), "fail out-of-range");
  assert.equal(meaning(0x6, 0x28), "attention medium-changed");
  assert.equal(meaning(0x6, 0x29, 0x00), "attention reset-or-power-on");
  assert.equal(meaning(0x6, 0x29, 0x01), "attention power-on");
  assert.equal(meaning(0x6, 0x29, 0x03), "attention other");
  assert.equal(meaning(0x6, 0x2a, 0x01), "attention other");
  assert.equal(meaning(0x7, 0x27, 0x00), "fail read-only");
  assert.equal(meaning(0x7, 0x27, 0x07), "fail no-space");
  assert.equal(meaning(0xb), "retry io");
});

/** Anything that a device may send is a value or a DeviceError. */
const survives = (parse: (bytes: Uint8Array) => unknown, lead: readonly number[] = []): void =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 255 }), (bytes) => {
      bytes.set(lead.slice(0, bytes.length));
      try {
        parse(bytes);
      } catch (error) {
        assert.ok(error instanceof DeviceError, String(error));
      }
    }),
  );

test("any bytes as CSW, sense, INQUIRY, capacity, mode and VPD data are a value or a DeviceError", () => {
  survives((bytes) => decodeCsw(bytes, 1, 512));
  survives((bytes) => decodeCsw(bytes.subarray(0, 13), 1, 512), [0x55, 0x53, 0x42, 0x53, 1, 0, 0, 0]);
  for (const code of [0x70, 0x71, 0x72, 0x73, 0x00])
    survives((bytes) => meaningOf(parseSense(bytes) ?? { key: 0, asc: 0, ascq: 0, deferred: false }), [code]);
  survives(parseInquiry);
  survives(parseCapacity10);
  survives(parseCapacity16);
  survives((bytes) => parseModeSense(bytes, 6));
  survives((bytes) => parseModeSense(bytes, 10));
  survives((bytes) => parseModeSense(bytes, 6), [255, 0, 0, 0]);
  survives(parseSupportedPages, [0, 0x00]);
  survives(parseBlockLimits, [0, 0xb0]);
  survives(parseRotational, [0, 0xb1]);
  survives(parseProvisioning, [0, 0xb2]);
});

test("whatever is encoded as a CBW keeps its fields at their places", () => {
  const anyCbw = fc.record({
    tag: fc.nat(0xffff_ffff),
    lun: fc.nat(15),
    direction: fc.constantFrom("in" as const, "out" as const),
    dataLength: fc.nat(0xffff_ffff),
    cdb: fc.uint8Array({ minLength: 1, maxLength: 16 }),
  });
  fc.assert(
    fc.property(anyCbw, (cbw) => {
      const bytes = new Uint8Array(CBW_BYTES);
      encodeCbw(cbw, bytes);
      const view = new DataView(bytes.buffer);
      assert.deepEqual(
        [view.getUint32(4, true), view.getUint32(8, true), bytes[12], bytes[13], bytes[14]],
        [cbw.tag, cbw.dataLength, { in: 0x80, out: 0 }[cbw.direction], cbw.lun, cbw.cdb.length],
      );
      assert.deepEqual(bytes.subarray(15, 15 + cbw.cdb.length), cbw.cdb);
    }),
  );
});
