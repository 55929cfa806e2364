// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RING_ENTRIES, RingFollower } from "./entry-ring.ts";
import {
  RECORD_TEXTS,
  RECORDED_ENTRIES,
  RECORDER_BYTES,
  RingRecorder,
  readRecorder,
  readRecorderNow,
  requestId,
  unanswered,
} from "./recorder.ts";

const OFFSET = 64;

function setUp() {
  const buffer = new ArrayBuffer(OFFSET + RECORDER_BYTES);
  let time = 0;
  const recorder = new RingRecorder(buffer, OFFSET, { now: () => time });
  return {
    buffer,
    recorder,
    at(ms: number) {
      time = ms;
      return recorder;
    },
    read: () => readRecorder(buffer, OFFSET),
  };
}

test("entries come back oldest first, with their age before the newest", () => {
  const { at, read } = setUp();
  at(10).request(3, 7, 1, 4096);
  at(10.5).submit(1, 0x81, 512);
  at(11).reap(1, 13, 32);
  at(11).log("stall");
  at(12).answer(3, 7, 0);
  assert.deepEqual(read(), [
    { kind: "request", ageUs: 2000, a: 3, b: 7, c: 1, d: 4096, text: "" },
    { kind: "submit", ageUs: 1500, a: 1, b: 0x81, c: 512, d: 0, text: "" },
    { kind: "reap", ageUs: 1000, a: 1, b: 13, c: 32, d: 0, text: "" },
    { kind: "log", ageUs: 1000, a: 5, b: 0, c: 0, d: 0, text: "stall" },
    { kind: "answer", ageUs: 0, a: 3, b: 7, c: 0, d: 0, text: "" },
  ]);
});

test("the last 256 are kept, over many rounds of the ring", () => {
  const { recorder, read } = setUp();
  for (let id = 0; id < 5000; id++) recorder.submit(id, 2, 0);
  const entries = read();
  assert.equal(entries.length, RECORDED_ENTRIES);
  assert.deepEqual([entries[0]!.a, entries.at(-1)!.a], [4744, 4999]);
});

test("an entry that its writer died in is left out", () => {
  const { buffer, recorder, read } = setUp();
  for (let id = 0; id < 3; id++) recorder.submit(id, 2, 0);
  new Uint32Array(buffer, OFFSET)[16 + 16] = 0; // the second one's number
  assert.deepEqual(
    read().map(({ a }) => a),
    [0, 2],
  );
});

test("a long line is cut at a whole character, and the next shorter one keeps nothing of it", () => {
  const { recorder, read } = setUp();
  for (let line = 0; line < RING_ENTRIES; line++) recorder.log("é".repeat(50));
  recorder.log("é");
  assert.deepEqual([read()[0]!.text, read().at(-1)!.text], ["é".repeat(24), "é"]);
});

test("a time beyond 32 bits of microseconds still gives ages", () => {
  const { at, read } = setUp();
  at(2 ** 32 / 1000 - 1).request(1, 1, 1, 0);
  at(2 ** 32 / 1000 + 1).answer(1, 1, 0);
  assert.equal(read()[0]!.ageUs, 2000);
});

test("what was not answered is told, a slot that was used again once", () => {
  const { recorder, read } = setUp();
  recorder.request(1, 5, 1, 0);
  recorder.answer(1, 5, 0);
  recorder.request(1, 5, 2, 0);
  recorder.request(2, 5, 3, 0);
  assert.deepEqual(
    unanswered(read()).map(({ a, b, c }) => [a, b, c]),
    [
      [1, 5, 2],
      [2, 5, 3],
    ],
  );
});

test("ages count from the moment that is said, over 32 bits of microseconds; what lies a little ahead is new", () => {
  const { buffer, at } = setUp();
  const wrap = 2 ** 32 / 1000;
  at(wrap - 1).request(1, 1, 1, 512);
  at(wrap + 3).request(1, 2, 1, 512);
  assert.deepEqual(
    readRecorderNow(buffer, OFFSET, wrap + 2).map(({ ageUs }) => ageUs),
    [3000, 0],
  );
});

test("a new incarnation starts with an empty recorder", () => {
  const { buffer, recorder, read } = setUp();
  recorder.log("before");
  const next = new RingRecorder(buffer, OFFSET, { now: () => 0 });
  assert.deepEqual(read(), []);
  next.log("after");
  assert.deepEqual(
    read().map(({ text }) => text),
    ["after"],
  );
});

test("whatever a driver leaves there, reading it ends and gives no more than the ring holds", () => {
  const { buffer } = setUp();
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: RECORDER_BYTES, maxLength: RECORDER_BYTES }),
      fc.nat(300),
      (bytes, head) => {
        new Uint8Array(buffer, OFFSET).set(bytes);
        const words = new Uint32Array(buffer, OFFSET);
        for (const newest of [head, 0xffffffff, words[0]!]) {
          words[0] = newest;
          words[16] = newest;
          words[1] = newest - 1;
          words[17] = 4;
          const entries = readRecorder(buffer, OFFSET);
          assert.ok(entries.length <= RECORDED_ENTRIES);
          for (const { text } of entries) assert.ok(text.length <= 48);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test("times are the machine's, also where the host's clock has stood still", () => {
  const buffer = new ArrayBuffer(RECORDER_BYTES);
  const clock = { now: () => 10, behindMs: 0 };
  const recorder = new RingRecorder(buffer, 0, clock);
  recorder.request(1, 1, 1, 0, 9);
  clock.behindMs = 2000;
  recorder.answer(1, 1, 0, 10);
  assert.equal(readRecorder(buffer, 0)[0]!.ageUs, 2_001_000);
});

test("a transfer is one of the request that it was made for", () => {
  const buffer = new ArrayBuffer(RECORDER_BYTES);
  const follower = new RingFollower(buffer, 0, RECORD_TEXTS, 0, 0);
  const recorder = new RingRecorder(buffer, 0, { now: () => 0 });
  recorder.submit(1, 0x81, 512, requestId(70_000, 4095));
  recorder.submit(2, 0x81, 512);
  follower.look(0);
  assert.deepEqual(
    follower.look(0).map(({ d, e }) => [d, e]),
    [
      [70_000, 4095],
      [0, 0],
    ],
  );
});
