// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  NBD_FLAG_FIXED_NEWSTYLE,
  NBD_FLAG_HAS_FLAGS,
  NBD_FLAG_NO_ZEROES,
  NBD_INFO_EXPORT,
  NBD_INFO_NAME,
  NBD_OPT_GO,
  NBD_OPT_LIST,
  NBD_REP_ERR_UNKNOWN,
} from "./constants.ts";
import {
  CLIENT_FLAGS_BYTES,
  decodeClientFlags,
  decodeGreeting,
  decodeInfoRequest,
  decodeOptionHeader,
  decodeOptionReplyHeader,
  decodeSizeAndFlags,
  encodeBlockSizeInfo,
  encodeClientFlags,
  encodeExportInfo,
  encodeExportNameReply,
  encodeGreeting,
  encodeInfoRequest,
  encodeOption,
  encodeOptionReply,
  encodeServer,
  encodeTextInfo,
  type NbdExport,
  OPTION_REPLY_HEADER_BYTES,
} from "./handshake.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.integer({ min: 0, max: 0xffff });

const disk: NbdExport = {
  bytes: 2 ** 40 + 512,
  flags: NBD_FLAG_HAS_FLAGS,
  minimumBlock: 512,
  preferredBlock: 4096,
  maximumPayload: 33_554_432,
};

test("greeting is NBDMAGIC, IHAVEOPT and the flags", () => {
  const bytes = encodeGreeting(NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES);
  assert.equal(hex(bytes), "4e42444d41474943" + "49484156454f5054" + "0003");
  assert.equal(decodeGreeting(bytes), 3);
});

test("oldstyle greeting is not understood", () => {
  const bytes = Buffer.from(`4e42444d41474943${"00420281861253"}${"0".repeat(6)}`, "hex");
  assert.equal(decodeGreeting(bytes), undefined);
});

test("client flags come back as sent", () => {
  fc.assert(fc.property(u32, (flags) => assert.equal(decodeClientFlags(encodeClientFlags(flags)), flags)));
  assert.equal(encodeClientFlags(0).length, CLIENT_FLAGS_BYTES);
});

test("an option's header is IHAVEOPT, its number and the length of its data", () => {
  const bytes = encodeOption(NBD_OPT_LIST, Uint8Array.of(7, 8));
  assert.equal(hex(bytes), "49484156454f5054" + "00000003" + "00000002" + "0708");
  assert.deepEqual(decodeOptionHeader(bytes), { option: NBD_OPT_LIST, length: 2 });
});

test("bytes without IHAVEOPT are no option", () => {
  assert.equal(decodeOptionHeader(new Uint8Array(16)), undefined);
});

test("an option reply is its magic, option, type, length and text", () => {
  const bytes = encodeOptionReply(NBD_OPT_GO, NBD_REP_ERR_UNKNOWN, "no");
  assert.equal(hex(bytes), "0003e889045565a9" + "00000007" + "80000006" + "00000002" + "6e6f");
  const header = { option: NBD_OPT_GO, type: NBD_REP_ERR_UNKNOWN, length: 2 };
  assert.deepEqual(decodeOptionReplyHeader(bytes), header);
});

test("a message beyond 4096 bytes is cut at a character", () => {
  const bytes = encodeOptionReply(NBD_OPT_GO, NBD_REP_ERR_UNKNOWN, "ä".repeat(3000));
  assert.equal(bytes.length, OPTION_REPLY_HEADER_BYTES + 4096);
  const odd = encodeOptionReply(NBD_OPT_GO, NBD_REP_ERR_UNKNOWN, `x${"ä".repeat(3000)}`);
  assert.equal(odd.length, OPTION_REPLY_HEADER_BYTES + 4095);
});

test("an information request comes back as sent", () => {
  const name = fc.string({ unit: "grapheme", maxLength: 200 });
  fc.assert(
    fc.property(name, fc.array(u16, { maxLength: 20 }), (exportName, wanted) => {
      const expected = { name: exportName.toWellFormed(), wanted };
      assert.deepEqual(decodeInfoRequest(encodeInfoRequest(exportName, wanted)), expected);
    }),
  );
});

const wrongRequests: [string, string, RegExp][] = [
  ["nothing", "", /at least 6 bytes, found 0/],
  ["too few bytes", "0000000000", /at least 6 bytes, found 5/],
  ["a name longer than the data", "000000056161610000", /a name of 5 bytes does not fit 9 bytes/],
  ["a name of 4 GiB", "ffffffff0000", /the name has 4294967295 bytes/],
  ["fewer information types than announced", "000000000002" + "0000", /expected 10 bytes, found 8/],
  ["bytes behind the last information type", "000000000000" + "ff", /expected 6 bytes, found 7/],
];

for (const [what, bytes, expected] of wrongRequests) {
  test(`information request with ${what} is told so`, () => {
    assert.match(String(decodeInfoRequest(Buffer.from(bytes, "hex"))), expected);
  });
}

test("any bytes decode as an information request or a reason", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      assert.match(typeof decodeInfoRequest(bytes), /^(object|string)$/);
    }),
  );
});

test("export information is type 0, size and flags", () => {
  const bytes = encodeExportInfo(disk);
  assert.equal(hex(bytes), "0000" + "0000010000000200" + "0001");
  assert.deepEqual(decodeSizeAndFlags(bytes, 2), { bytes: disk.bytes, flags: disk.flags });
  assert.equal(new DataView(bytes.buffer).getUint16(0), NBD_INFO_EXPORT);
});

test("block size information is type 3, minimum, preferred, maximum", () => {
  assert.equal(hex(encodeBlockSizeInfo(disk)), "0003" + "00000200" + "00001000" + "02000000");
});

test("name information is type 1 and the name", () => {
  assert.equal(hex(encodeTextInfo(NBD_INFO_NAME, "usb")), "0001" + "757362");
});

test("a listed export is its name's length, its name and its description", () => {
  assert.equal(hex(encodeServer("ab", "cd")), "00000002" + "6162" + "6364");
});

test("NBD_OPT_EXPORT_NAME is answered with 124 zeroes behind size and flags, or none", () => {
  assert.equal(hex(encodeExportNameReply(disk, true)), `00000100000002000001${"00".repeat(124)}`);
  assert.equal(hex(encodeExportNameReply(disk, false)), "00000100000002000001");
});
