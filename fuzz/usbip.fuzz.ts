// Runs in: fuzzing.
import assert from "node:assert/strict";
import {
  decodeCommand,
  decodePackets,
  encodeCommand,
  encodePackets,
  encodeReply,
  HEADER_BYTES,
} from "../packages/kernel/usbip/codec.ts";
import {
  type Decoded,
  decodeDevlistReply,
  decodeImportReply,
  decodeRequest,
  encodeDevlistReply,
  encodeImportReply,
  encodeRequest,
} from "../packages/kernel/usbip/operations.ts";
import { ReplyReader } from "../packages/kernel/usbip/reply-reader.ts";
import type { Target } from "./target.ts";

/** More than the most that any message takes: a list of devices. */
const NEEDS_MAX = 1 << 20;

/** As `exchange` reads it: whatever is needed comes, until the input is used up. */
function whole<T>(input: Uint8Array, decode: (bytes: Uint8Array) => Decoded<T>): boolean {
  for (let length = 0; ; ) {
    const decoded = decode(input.subarray(0, length));
    if ("value" in decoded) return true;
    assert.ok(decoded.needs > length && decoded.needs <= NEEDS_MAX, `needs ${decoded.needs} after ${length}`);
    if (decoded.needs > input.length) return false;
    length = decoded.needs;
  }
}

/** As a stream reads it, in pieces of the sizes that the first bytes say. */
function replies(input: Uint8Array): boolean {
  const payload = new Uint8Array(4096);
  let ended = 0;
  const reader = new ReplyReader({
    begin: (reply) =>
      reply.reply === "submit" && reply.length > 0
        ? [payload.subarray(0, Math.min(reply.length, payload.length))]
        : [],
    end: () => ended++,
  });
  for (let at = 0, piece = 0; at < input.length; piece++) {
    const room = reader.room();
    assert.ok(room.length > 0);
    const count = Math.min(room.length, input.length - at, 1 + (input[piece % 8]! % 61));
    room.set(input.subarray(at, at + count));
    reader.filled(count);
    at += count;
  }
  return ended > 0;
}

const device = {
  path: "/sys/devices/ring3/1-1",
  busid: "1-1",
  busNumber: 1,
  deviceNumber: 2,
  speed: "high" as const,
  vendorId: 0x1209,
  productId: 1,
  deviceVersion: 0x100,
  deviceClass: 0,
  deviceSubclass: 0,
  deviceProtocol: 0,
  configurationValue: 1,
  configurationCount: 1,
  interfaceCount: 1,
};
const submit = {
  reply: "submit",
  seqnum: 1,
  status: 0,
  length: 13,
  startFrame: 0,
  packetCount: 0,
  errorCount: 0,
} as const;

function packets(bytes: Uint8Array): boolean {
  const found = decodePackets(bytes.subarray(0, bytes.length - (bytes.length % 16)));
  for (const { offset, length, actual } of found)
    for (const value of [offset, length, actual]) assert.ok(Number.isSafeInteger(value), `${value}`);
  return found.length > 0;
}

function command(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const found = decodeCommand(bytes.subarray(0, HEADER_BYTES));
  if (found.command === "submit")
    assert.ok(found.endpoint <= 15 && found.length >= 0 && found.setup.length === 8);
  return true;
}

/** By the input's first byte. */
const parsers: readonly ((bytes: Uint8Array) => boolean)[] = [
  command,
  replies,
  packets,
  (bytes) => whole(bytes, decodeRequest),
  (bytes) => whole(bytes, decodeDevlistReply),
  (bytes) => whole(bytes, (part) => decodeImportReply(part, "1-1")),
];
const seed = (parser: number, ...parts: Uint8Array[]) =>
  new Uint8Array(Buffer.concat([Uint8Array.of(parser), ...parts]));

export default {
  what: "USB/IP, both ends: commands, replies and what goes before them",
  seeds: [
    seed(
      0,
      encodeCommand({
        command: "submit",
        seqnum: 1,
        devid: 0x10002,
        direction: "in",
        endpoint: 1,
        flags: 0x200,
        length: 13,
        startFrame: 0,
        packetCount: 0,
        interval: 0,
        setup: new Uint8Array(8),
      }),
    ),
    seed(0, encodeCommand({ command: "unlink", seqnum: 2, devid: 0x10002, unlinkSeqnum: 1 })),
    seed(
      1,
      encodeReply(submit),
      new Uint8Array(13),
      encodeReply({ ...submit, seqnum: 2, length: 0, status: -32 }),
    ),
    seed(1, encodeReply({ reply: "unlink", seqnum: 3, status: -104 })),
    seed(2, encodePackets([{ offset: 0, length: 192, actual: 192, status: 0 }])),
    seed(3, encodeRequest({ request: "import", busid: "1-1" })),
    seed(3, encodeRequest({ request: "devlist" })),
    seed(4, encodeDevlistReply([{ ...device, interfaces: [{ class: 8, subclass: 6, protocol: 80 }] }])),
    seed(5, encodeImportReply({ device })),
    seed(5, encodeImportReply({ status: 1 })),
  ],
  run: (input) => input.length > 0 && parsers[input[0]! % parsers.length]!(input.subarray(1)),
} satisfies Target;
