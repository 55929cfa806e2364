// Runs in: tests. Owns: a socket to this machine's own kernel, which is asked for a family that every kernel has.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { native } from "../native.ts";
import { connectNbd } from "./device.ts";
import { decodeAnswers, encodeRequest, text, u32, u64 } from "./netlink.ts";

const bytes = (...hex: string[]) => Uint8Array.from(Buffer.from(hex.join(""), "hex"));

test("a request is laid out as linux/netlink.h says, nested attributes padded and marked", () => {
  const encoded = encodeRequest({
    type: 0x1c,
    sequence: 7,
    command: 1,
    attributes: [
      [1, u32(3)],
      [2, u64(2 ** 33 + 1)],
      [7, [[1, [[1, u32(5)]]]]],
      [10, text("ab")],
    ],
  });
  assert.deepEqual(
    encoded,
    bytes(
      ...["40000000", "1c00", "0500", "07000000", "00000000"], // length, type, request and acknowledge, sequence, port
      ...["01", "01", "0000"], // command, version
      ...["0800", "0100", "03000000"],
      ...["0c00", "0200", "0100000002000000"],
      ...["1000", "0780", "0c00", "0180", "0800", "0100", "05000000"],
      ...["0700", "0a00", "61620000"],
    ),
  );
});

test("an acknowledgement is 0 or an errno; a message is its attributes", () => {
  const acknowledged = ["24000000", "0200", "0000", "07000000", "00000000", "feffffff", "00".repeat(16)];
  const message = ["1c000000", "1000", "0000", "07000000", "00000000", "01020000", "06000100", "1c000000"];
  assert.deepEqual(decodeAnswers(bytes(...message.slice(0, -2), "06000100", "1c000000", ...acknowledged)), [
    { kind: "message", sequence: 7, attributes: new Map([[1, bytes("1c00")]]) },
    { kind: "acknowledged", sequence: 7, error: -2 },
  ]);
});

test("this kernel's answer to a question for the family of its controller is read", () => {
  const socket = native.genericNetlink();
  const attributes = [[2, text("nlctrl")]] as const;
  native.write(socket, encodeRequest({ type: 16, sequence: 9, command: 3, attributes }));
  const room = new Uint8Array(16_384);
  const [message] = decodeAnswers(room.slice(0, native.read(socket, room)));
  const [acknowledged] = decodeAnswers(room.slice(0, native.read(socket, room)));
  native.close(socket);
  assert.ok(message?.kind === "message");
  assert.deepEqual(message.attributes.get(1), bytes("1000"));
  assert.deepEqual(acknowledged, { kind: "acknowledged", sequence: 9, error: 0 });
});

test("whatever is read is answers or a DeviceError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      try {
        decodeAnswers(noise);
      } catch (error) {
        assert.equal((error as { kind?: string }).kind, "protocol");
      }
    }),
    { numRuns: 2000 },
  );
});

test("a kernel without the nbd module says what to do, one with it that this is no socket", () => {
  const rest = { bytes: 4096, blockBytes: 512, flags: 1, deadSeconds: 1, backend: "" };
  const expected = existsSync("/sys/module/nbd")
    ? { errno: 22 }
    : { kind: "unsupported", message: /modprobe nbd/ };
  assert.throws(() => connectNbd({ index: 0, temporary: false, socket: 0, ...rest }), expected);
});
