// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RING_BYTES, RING_ENTRIES, RingFollower, RingWriter } from "./entry-ring.ts";

const TEXTS = 4;

class Writer extends RingWriter {
  number(value: number, atUs = 0): void {
    this.write(0, atUs / 1000, value, 0, 0);
  }
  say(text: string): void {
    this.writeText(TEXTS, 0, text);
  }
}

function setUp(count = 0) {
  const buffer = new ArrayBuffer(RING_BYTES);
  new Uint32Array(buffer)[0] = count;
  const writer = new Writer(buffer, 0);
  const follower = new RingFollower(buffer, 0, TEXTS, 1, 1);
  const values = (nowUs = 0) => follower.look(nowUs).map(({ a }) => a);
  return { buffer, writer, follower, values };
}

test("a follower reads each entry once, one look later, and nothing from before it came", () => {
  const { buffer, writer } = setUp();
  writer.number(1);
  const follower = new RingFollower(buffer, 0, TEXTS, 1, 1);
  writer.number(2);
  assert.deepEqual(follower.look(0), []);
  writer.number(3);
  assert.deepEqual(
    follower.look(0).map(({ a }) => a),
    [2],
  );
  assert.deepEqual(
    follower.look(0).map(({ a }) => a),
    [3],
  );
  assert.deepEqual([follower.lost, follower.refused], [0, 0]);
});

test("what was overwritten before it was read is counted", () => {
  const { writer, follower, values } = setUp();
  for (let value = 1; value <= RING_ENTRIES + 10; value++) writer.number(value);
  values();
  for (let value = 0; value < 5; value++) writer.number(0);
  const read = values();
  assert.deepEqual([read.length, read[0], follower.lost], [RING_ENTRIES - 5, 16, 15]);
});

test("another writer of the same ring goes on, and none of its entries is missed", () => {
  const { buffer, writer, follower, values } = setUp();
  writer.number(1);
  values();
  new Writer(buffer, 0).number(2);
  assert.deepEqual([...values(), ...values()], [1, 2]);
  assert.equal(follower.lost, 0);
});

test("numbers go round", () => {
  const { writer, follower, values } = setUp(2 ** 32 - 3);
  for (let value = 0; value < 6; value++) writer.number(value);
  values();
  assert.deepEqual(values(), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([follower.lost, follower.refused], [0, 0]);
});

test("times are on the reader's clock, beyond 32 bits too", () => {
  const { buffer } = setUp();
  const nowUs = 5 * 2 ** 32 + 100;
  const follower = new RingFollower(buffer, 0, TEXTS, nowUs - 200, nowUs - 200);
  new Writer(buffer, 0).number(1, nowUs - 150); // the clock has come round in between
  follower.look(nowUs);
  assert.equal(follower.look(nowUs)[0]!.timeUs, nowUs - 150);
});

test("what says to be from before the last looks, or from the future, is refused", () => {
  const { writer, follower, values } = setUp();
  const nowUs = 10_000_000;
  values(nowUs);
  values(nowUs);
  for (const atUs of [nowUs - 1_000_001, nowUs + 1, nowUs]) writer.number(1, atUs);
  values(nowUs);
  assert.deepEqual([values(nowUs).length, follower.refused], [1, 2]);
});

test("a count that goes backwards is refused, and the follower goes on", () => {
  const { buffer, writer, follower, values } = setUp(100);
  const words = new Uint32Array(buffer);
  writer.number(1);
  values();
  words[0] = 50;
  assert.deepEqual(values(), [1]);
  assert.deepEqual([values(), follower.refused], [[], 1]);
  new Writer(buffer, 0).number(2);
  values();
  assert.deepEqual(values(), [2]);
});

test("a text that finds no room is cut, and an entry being written is not read", () => {
  const { buffer, writer, follower, values } = setUp();
  writer.say("x".repeat(60));
  writer.number(7);
  new Uint32Array(buffer)[16 + 16] = 0; // the second one's number
  values();
  const [entry, ...others] = follower.look(0);
  assert.deepEqual([entry!.text, others.length, follower.lost], ["x".repeat(48), 0, 1]);
});

test("whatever is there, and however it changes: a look ends, and gives no more than the ring holds", () => {
  const word = fc.oneof(fc.nat(40), fc.integer({ min: 2 ** 32 - 5, max: 2 ** 32 - 1 }), fc.nat(0xffff_ffff));
  fc.assert(
    fc.property(fc.array(fc.record({ at: fc.nat(80), word }), { maxLength: 60 }), (writes) => {
      const { buffer, follower } = setUp();
      const words = new Uint32Array(buffer);
      for (const { at, word } of writes) {
        words[at] = word;
        const before = follower.lost;
        const entries = follower.look(1);
        assert.ok(entries.length <= RING_ENTRIES && follower.lost >= before);
        for (const { timeUs, text } of entries) assert.ok(timeUs <= 1 && text.length <= 48);
      }
    }),
    { numRuns: 200 },
  );
});

test("what is there already is read as far as it is not too old", () => {
  const { buffer, writer } = setUp(2 ** 32 - 2);
  for (const atUs of [500, 700, 800]) writer.number(atUs, atUs);
  const follower = new RingFollower(buffer, 0, TEXTS, 700, 2_000_000);
  assert.deepEqual(
    follower.look(2_000_000).map(({ a }) => a),
    [700, 800],
  );
  assert.deepEqual([follower.lost, follower.refused], [0, 0]);
});
