import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SendQueue } from "./send-queue.ts";

const EAGAIN = 11;

test("whatever the stream takes at a time, every byte goes out once and in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 3 }), { maxLength: 30 }),
      fc.array(fc.oneof(fc.nat(200), fc.constant(-EAGAIN)), { minLength: 1 }),
      (messages, takes) => {
        const out: number[] = [];
        let turn = 0;
        const queue = new SendQueue((buffers) => {
          const bytes = buffers.flatMap((buffer) => [...buffer]);
          const take = takes[turn++ % takes.length]!;
          if (take < 0 && turn < 1000) return take;
          const taken = bytes.slice(0, Math.max(1, take));
          out.push(...taken);
          return taken.length;
        });
        const given = messages.filter((buffers) => buffers.some(({ length }) => length > 0));
        const pushed = given.map((buffers) => queue.push(...buffers));
        while (!queue.empty) assert.equal(queue.flush(), 0);
        assert.deepEqual(
          out,
          given.flat().flatMap((buffer) => [...buffer]),
        );
        assert(pushed.every(({ done }) => done));
      },
    ),
  );
});

test("a message of which nothing was sent can be taken back, one that has started cannot", () => {
  const queue = new SendQueue(() => 1);
  const first = queue.push(Uint8Array.of(1, 2));
  const second = queue.push(Uint8Array.of(3));
  queue.flush();
  assert.equal(queue.remove(first), false);
  assert.equal(queue.remove(second), true);
  queue.flush();
  assert.equal(queue.empty, true);
});

test("an error of the stream comes back from flush", () => {
  const queue = new SendQueue(() => -32);
  queue.push(Uint8Array.of(1));
  assert.equal(queue.flush(), -32);
});
