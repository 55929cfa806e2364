// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  NBD_CMD_FLAG_FUA,
  NBD_CMD_WRITE,
  NBD_EIO,
  NBD_REPLY_FLAG_DONE,
  NBD_REPLY_TYPE_ERROR,
  NBD_REPLY_TYPE_OFFSET_DATA,
} from "./constants.ts";
import {
  CHUNK_HEADER_BYTES,
  decodeErrorChunk,
  decodeReplyHeader,
  decodeRequest,
  encodeErrorChunk,
  encodeRequest,
  ReplyHead,
} from "./transmission.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const cookie = { cookieHigh: 0x01020304, cookieLow: 0xf5f6f7f8 };
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

test("a request is its magic, flags, type, cookie, offset and length", () => {
  const request = {
    flags: NBD_CMD_FLAG_FUA,
    type: NBD_CMD_WRITE,
    ...cookie,
    offset: 2 ** 40 + 4096,
    length: 512,
  };
  const bytes = encodeRequest(request);
  assert.equal(
    hex(bytes),
    "25609513" + "0001" + "0001" + "01020304f5f6f7f8" + "0000010000001000" + "00000200",
  );
  assert.deepEqual(decodeRequest(view(bytes), 0), request);
});

test("a request comes back as sent", () => {
  const request = fc.record(
    {
      flags: u16,
      type: u16,
      cookieHigh: u32,
      cookieLow: u32,
      offset: fc.maxSafeNat(),
      length: u32,
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(request, (sent) => assert.deepEqual(decodeRequest(view(encodeRequest(sent)), 0), sent)),
  );
});

test("bytes without the magic are no request", () => {
  assert.equal(decodeRequest(view(new Uint8Array(28)), 0), undefined);
});

test("an offset of 2^64 - 1 is a number beyond every export", () => {
  const bytes = encodeRequest({ flags: 0, type: 0, ...cookie, offset: 0, length: 1 });
  bytes.fill(0xff, 16, 24);
  assert.equal(decodeRequest(view(bytes), 0)?.offset, 2 ** 64);
});

test("a simple reply is its magic, error and the request's cookie", () => {
  const bytes = new ReplyHead().simple(cookie, NBD_EIO);
  assert.equal(hex(bytes), "67446698" + "00000005" + "01020304f5f6f7f8");
  assert.deepEqual(decodeReplyHeader(bytes), { kind: "simple", error: NBD_EIO, ...cookie });
});

test("a data chunk's head counts its offset and data", () => {
  const bytes = new ReplyHead().data(cookie, 2 ** 33, 1024);
  assert.equal(
    hex(bytes),
    "668e33ef" + "0001" + "0001" + "01020304f5f6f7f8" + "00000408" + "0000000200000000",
  );
  const header = { flags: NBD_REPLY_FLAG_DONE, type: NBD_REPLY_TYPE_OFFSET_DATA, length: 1032 };
  assert.deepEqual(decodeReplyHeader(bytes), { kind: "chunk", ...header, ...cookie });
});

test("an error chunk carries error and message", () => {
  const bytes = encodeErrorChunk(cookie, NBD_EIO, "bad");
  assert.equal(
    hex(bytes),
    "668e33ef" + "0001" + "8001" + "01020304f5f6f7f8" + "00000009" + "00000005" + "0003" + "626164",
  );
  const header = { flags: NBD_REPLY_FLAG_DONE, type: NBD_REPLY_TYPE_ERROR, length: 9 };
  assert.deepEqual(decodeReplyHeader(bytes), { kind: "chunk", ...header, ...cookie });
  assert.deepEqual(decodeErrorChunk(bytes.subarray(CHUNK_HEADER_BYTES)), { error: NBD_EIO, message: "bad" });
});

test("a message beyond 4096 bytes is cut", () => {
  const bytes = encodeErrorChunk(cookie, NBD_EIO, "m".repeat(5000));
  assert.equal(decodeErrorChunk(bytes.subarray(CHUNK_HEADER_BYTES)).message, "m".repeat(4096));
});

test("half a reply header is not decoded yet", () => {
  assert.equal(decodeReplyHeader(new ReplyHead().simple(cookie, 0).subarray(0, 15)), undefined);
  assert.equal(decodeReplyHeader(encodeErrorChunk(cookie, 5, "").subarray(0, 19)), undefined);
});

test("a reply with a wrong magic is an error of the protocol", () => {
  assert.throws(() => decodeReplyHeader(new Uint8Array(20)), { kind: "protocol" });
});
