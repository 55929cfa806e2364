import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import fc from "fast-check";
import {
  type Command,
  decodeCommand,
  decodePackets,
  decodeReply,
  encodeCommand,
  encodePackets,
  encodeReply,
  HEADER_BYTES,
  type Reply,
} from "./codec.ts";

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true });

const words = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

// Captured on the wire; Documentation/usb/usbip_protocol.rst, section EXAMPLE.
const intrIn = words(
  "00000001 00000d05 0001000f 00000001 00000001 00000200 00000040 ffffffff 00000000 00000004 00000000 00000000",
);
const retIntrOut = words(
  "00000003 00000d06 00000000 00000000 00000000 00000000 00000040 ffffffff 00000000 00000000 00000000 00000000",
);

test("the specification's captured interrupt IN command decodes", () => {
  assert.deepEqual(decodeCommand(intrIn), {
    command: "submit",
    seqnum: 0xd05,
    devid: 0x1000f,
    direction: "in",
    endpoint: 1,
    flags: 0x200,
    length: 64,
    startFrame: 0xffffffff,
    packetCount: 0,
    interval: 4,
    setup: new Uint8Array(8),
  });
});

test("the specification's captured reply decodes", () => {
  assert.deepEqual(decodeReply(retIntrOut), {
    reply: "submit",
    seqnum: 0xd06,
    status: 0,
    length: 64,
    startFrame: 0xffffffff,
    packetCount: 0,
    errorCount: 0,
  });
});

test("a control command has every field at the specification's offset", () => {
  const bytes = encodeCommand({
    command: "submit",
    seqnum: 0x01020304,
    devid: 0x00050006,
    direction: "in",
    endpoint: 0,
    flags: 0x0200,
    length: 18,
    startFrame: 0,
    packetCount: 0,
    interval: 0,
    setup: Uint8Array.of(0x80, 6, 0, 1, 0, 0, 18, 0),
  });
  assert.deepEqual(
    bytes,
    words(
      "00000001 01020304 00050006 00000001 00000000 00000200 00000012 00000000 ffffffff 00000000 8006000100001200",
    ),
  );
});

test("an unlink has the sequence number it unlinks at offset 20", () => {
  const bytes = encodeCommand({ command: "unlink", seqnum: 2, devid: 3, unlinkSeqnum: 1 });
  assert.deepEqual(bytes, words(`00000002 00000002 00000003 00000000 00000000 00000001 ${"00".repeat(24)}`));
});

const u32 = fc.nat(0xffffffff);
const seqnum = u32;
const errno = fc.integer({ min: -4095, max: 0 });
const command: fc.Arbitrary<Command> = fc.oneof(
  record({ command: fc.constant("unlink" as const), seqnum, devid: u32, unlinkSeqnum: u32 }),
  record({
    command: fc.constant("submit" as const),
    seqnum,
    devid: u32,
    direction: fc.constantFrom("in" as const, "out" as const),
    endpoint: fc.nat(15),
    flags: u32,
    length: fc.nat(0x7fffffff),
    startFrame: u32,
    packetCount: fc.nat(1024),
    interval: u32,
    setup: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  }),
);
const reply: fc.Arbitrary<Reply> = fc.oneof(
  record({ reply: fc.constant("unlink" as const), seqnum, status: errno }),
  fc.nat(1024).chain((packetCount) =>
    record({
      reply: fc.constant("submit" as const),
      seqnum,
      status: errno,
      length: fc.nat(0x7fffffff),
      startFrame: u32,
      packetCount: fc.constant(packetCount),
      errorCount: fc.nat(packetCount),
    }),
  ),
);

test("every command survives encoding and decoding, whatever lay in the buffer before", () => {
  fc.assert(
    fc.property(command, (value) => {
      assert.deepEqual(decodeCommand(encodeCommand(value, new Uint8Array(HEADER_BYTES).fill(0xaa))), value);
    }),
  );
});

test("every reply survives encoding and decoding, whatever lay in the buffer before", () => {
  fc.assert(
    fc.property(reply, (value) => {
      assert.deepEqual(decodeReply(encodeReply(value, new Uint8Array(HEADER_BYTES).fill(0xaa))), value);
    }),
  );
});

test("packet descriptors survive encoding and decoding", () => {
  const packet = record({ offset: u32, length: fc.nat(65535), share: fc.nat(100), status: errno }).map(
    ({ share, ...rest }) => ({ ...rest, actual: Math.floor((rest.length * share) / 100) }),
  );
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 20 }), (packets) => {
      assert.deepEqual(decodePackets(encodePackets(packets)), packets);
    }),
  );
});

function changed(bytes: Uint8Array, offset: number, word: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(offset, word);
  return copy;
}

const refused: [string, () => unknown, RegExp][] = [
  ["a command of unknown kind", () => decodeCommand(changed(intrIn, 0, 3)), /command: expected 1 .* found 3/],
  ["a direction of 2", () => decodeCommand(changed(intrIn, 12, 2)), /direction: expected 0 or 1, found 2/],
  ["endpoint 16", () => decodeCommand(changed(intrIn, 16, 16)), /ep: expected 0 to 15, found 16/],
  ["a command of 2 GiB", () => decodeCommand(changed(intrIn, 24, 0x80000000)), /transfer_buffer_length/],
  ["1025 packets", () => decodeCommand(changed(intrIn, 32, 1025)), /number_of_packets: .* found 1025/],
  ["a command for a reply", () => decodeReply(intrIn), /command: expected 3 .* found 1/],
  ["a positive status", () => decodeReply(changed(retIntrOut, 20, 32)), /status: expected 0 or an errno/],
  ["a status that is no errno", () => decodeReply(changed(retIntrOut, 20, 0xffff0000)), /found -65536/],
  [
    "a reply of 4 GiB",
    () => decodeReply(changed(retIntrOut, 24, 0xffffffff)),
    /actual_length: .* found 4294967295/,
  ],
  [
    "more errors than packets",
    () => decodeReply(changed(retIntrOut, 36, 1)),
    /error_count: expected at most the 0 packets/,
  ],
  [
    "a packet beyond its room",
    () => decodePackets(words("00000000 00000004 00000005 00000000")),
    /packet 0: actual_length/,
  ],
];
for (const [name, run, message] of refused) {
  test(`${name} is refused`, () => {
    assert.throws(
      run,
      (error) => error instanceof DeviceError && error.kind === "protocol" && message.test(error.message),
    );
  });
}

test("random headers give a message or a DeviceError", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 3, 4, 5),
      fc.uint8Array({ minLength: 44, maxLength: 44 }),
      (kind, body) => {
        for (const decode of [decodeCommand, decodeReply]) {
          try {
            decode(Uint8Array.of(0, 0, 0, kind, ...body));
          } catch (error) {
            assert(error instanceof DeviceError);
          }
        }
      },
    ),
  );
});
