import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeReply, type Reply } from "./codec.ts";
import { ReplyReader } from "./reply-reader.ts";

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true });

const replies = fc.array(
  fc.oneof(
    record({
      reply: fc.constant("unlink" as const),
      seqnum: fc.nat(1000),
      status: fc.constantFrom(0, -104),
    }),
    record({
      reply: fc.constant("submit" as const),
      seqnum: fc.nat(1000),
      status: fc.constantFrom(0, -32),
      length: fc.oneof(fc.nat(40), fc.nat(3000)),
      startFrame: fc.constant(0),
      packetCount: fc.constant(0),
      errorCount: fc.constant(0),
    }),
  ),
  { maxLength: 12 },
);

test("replies are put together from any split, payloads in two places each", () => {
  fc.assert(
    fc.property(replies, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sent, splits) => {
      const payloads = sent.map((reply, index) =>
        new Uint8Array(reply.reply === "submit" ? reply.length : 0).fill(index + 1),
      );
      const stream = Buffer.concat(sent.flatMap((reply, index) => [encodeReply(reply), payloads[index]!]));
      const places: Uint8Array[][] = [];
      const ended: Reply[] = [];
      const reader = new ReplyReader({
        begin(reply) {
          const length = reply.reply === "submit" ? reply.length : 0;
          const place = [
            new Uint8Array(Math.floor(length / 3)),
            new Uint8Array(length - Math.floor(length / 3)),
          ];
          places.push(place);
          return place;
        },
        end: (reply) => ended.push(reply),
      });
      let at = 0;
      for (let turn = 0; at < stream.length; turn++) {
        const room = reader.room();
        assert(room.length > 0);
        const count = Math.min(room.length, stream.length - at, splits[turn % splits.length]!);
        room.set(stream.subarray(at, at + count));
        at += count;
        reader.filled(count);
      }
      assert.deepEqual(ended, sent);
      assert.deepEqual(
        places.map((place) => Buffer.concat(place)),
        payloads.map((payload) => Buffer.from(payload)),
      );
      assert.equal(reader.idle, true);
    }),
  );
});

test("half a header is not idle", () => {
  const reader = new ReplyReader({ begin: () => [], end: () => {} });
  reader.filled(20);
  assert.equal(reader.idle, false);
});
