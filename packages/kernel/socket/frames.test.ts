// Runs in: tests. Owns: nothing. Byte streams cut at any place.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  DESCRIPTORS_MAX,
  encodeHeader,
  type Frame,
  FrameDecoder,
  HEADER_BYTES,
  PAYLOAD_MAX,
} from "./frames.ts";

interface Piece {
  bytes: Uint8Array;
  descriptors: number[];
}

const frame = fc.record({
  payload: fc.uint8Array({ maxLength: 40 }),
  descriptors: fc.array(fc.nat(), { maxLength: DESCRIPTORS_MAX }),
});

function encode({ payload, descriptors }: Frame<number>): Piece {
  return { bytes: Buffer.concat([encodeHeader(payload.length, descriptors.length), payload]), descriptors };
}

function decode(decoder: FrameDecoder<number>, pieces: readonly Piece[]): Frame<number>[] {
  return pieces.flatMap(({ bytes, descriptors }) => [...decoder.push(bytes, descriptors)]);
}

/**
 * As the kernel may deliver what was sent: `cuts` are sizes of reads, used in turn. A read that reaches the first byte of a write with descriptors ends
 * with that write at the latest (unix_stream_read_generic).
 */
function deliver(sent: readonly Piece[], cuts: readonly number[]): Piece[] {
  const pieces: Piece[] = [];
  let bytes: number[] = [];
  let descriptors: number[] = [];
  let room = cuts[0]!;
  const cut = () => {
    pieces.push({ bytes: Uint8Array.from(bytes), descriptors });
    bytes = [];
    descriptors = [];
    room = cuts[pieces.length % cuts.length]!;
  };
  for (const piece of sent) {
    if (descriptors.length > 0) cut();
    descriptors = piece.descriptors;
    for (const byte of piece.bytes) {
      bytes.push(byte);
      if (bytes.length === room) cut();
    }
  }
  cut();
  return pieces.filter((piece) => piece.bytes.length > 0);
}

const text = (frames: readonly Frame<number>[]) =>
  frames.map(({ payload, descriptors }) => `${Buffer.from(payload).toString("hex")} ${descriptors}`);

test("any split of the stream gives the same frames with the same descriptors", () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
      (frames, cuts) => {
        const decoder = new FrameDecoder<number>();
        const decoded = decode(decoder, deliver(frames.map(encode), cuts));
        assert.deepEqual(text(decoded), text(frames));
        assert.equal(decoder.midFrame, false);
        assert.deepEqual(decoder.takeDescriptors(), []);
      },
    ),
  );
});

test("arbitrary bytes and descriptors give frames or a protocol error, and every descriptor is accounted for", () => {
  const chunk = fc.record({
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      frame.map((one) => encode(one).bytes),
    ),
    descriptors: fc.array(fc.nat(), { maxLength: DESCRIPTORS_MAX }),
  });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 6 }), (chunks) => {
      const decoder = new FrameDecoder<number>();
      const pushed: number[] = [];
      const claimed: number[] = [];
      try {
        for (const { bytes, descriptors } of chunks) {
          pushed.push(...descriptors);
          for (const { descriptors: given } of decoder.push(bytes, descriptors)) claimed.push(...given);
        }
      } catch (error) {
        assert.equal((error as { kind?: string }).kind, "protocol");
      }
      assert.deepEqual([...claimed, ...decoder.takeDescriptors()], pushed);
    }),
  );
});

test("an empty frame is a frame", () => {
  assert.deepEqual(text([...new FrameDecoder<number>().push(encodeHeader(0, 0), [])]), [" "]);
});

test("a payload beyond the limit is refused from its header alone", () => {
  const header = encodeHeader(0, 0);
  new DataView(header.buffer).setUint32(0, PAYLOAD_MAX + 1, true);
  assert.throws(() => [...new FrameDecoder<number>().push(header, [])], {
    kind: "protocol",
    message: /4194304 bytes, found 4194305/,
  });
});

test("more descriptors in the header than allowed is refused", () => {
  const header = encodeHeader(4, 0);
  new DataView(header.buffer).setUint32(4, DESCRIPTORS_MAX + 1, true);
  assert.throws(() => [...new FrameDecoder<number>().push(header, [])], {
    kind: "protocol",
    message: /at most 16 descriptors, found 17/,
  });
});

test("a descriptor that its frame lacks is refused once the frame is complete", () => {
  const decoder = new FrameDecoder<number>();
  assert.deepEqual([...decoder.push(encodeHeader(1, 2), [5])], []);
  assert.throws(() => [...decoder.push(Uint8Array.of(0), [])], {
    kind: "protocol",
    message: /expected 2 descriptors, found 1/,
  });
  assert.deepEqual(decoder.takeDescriptors(), [5]);
});

test("a descriptor that no frame claims is refused at once, between frames and within", () => {
  assert.throws(() => [...new FrameDecoder<number>().push(encodeHeader(0, 0), [5])], { kind: "protocol" });
  assert.throws(() => [...new FrameDecoder<number>().push(encodeHeader(3, 1), [5, 6])], {
    kind: "protocol",
    message: /at most 1 descriptors, found 2/,
  });
  assert.throws(() => [...new FrameDecoder<number>().push(Uint8Array.of(0), Array(17).fill(5))], {
    kind: "protocol",
  });
});

test("a frame that no receiver would take is not encoded", () => {
  assert.throws(() => encodeHeader(PAYLOAD_MAX + 1, 0), { kind: "invalid" });
  assert.throws(() => encodeHeader(0, DESCRIPTORS_MAX + 1), { kind: "invalid" });
  assert.equal(encodeHeader(PAYLOAD_MAX, DESCRIPTORS_MAX).length, HEADER_BYTES);
});
