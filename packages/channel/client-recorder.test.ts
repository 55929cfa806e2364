// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createShared } from "@ring3/kernel/shm/memory";
import {
  CLIENT_RECORD_TEXTS,
  ClientRecorder,
  checkClientRecorder,
  clientRecordKinds,
  mapClientRecorder,
} from "./client-recorder.ts";
import { RING_BYTES, RingFollower } from "./entry-ring.ts";

const slot = (index: number) => ({ index, room: () => new Uint8Array(0) });

test("what two sessions do is read in their words, and told apart", () => {
  let time = 1;
  const recorder = new ClientRecorder(() => time);
  const buffer = mapClientRecorder(recorder.memory.fd.fd);
  const follower = new RingFollower(buffer, 0, CLIENT_RECORD_TEXTS, 0, 9000);
  let channel = 4;
  const [first, second] = [recorder.session(() => channel), recorder.session(() => 8)];
  const request = first.received(4711, 1, 512, 2 ** 33 + 5);
  first.part(request, slot(6));
  first.submitted(6, 1, 512);
  first.sent(6);
  channel = 5;
  first.sent(6);
  time = 2;
  first.completed(6, 13);
  first.replied(request, true);
  second.submitted(6, 2, 0);
  assert.equal(second.received(1, 1, 1, 1), 2);
  follower.look(9000);
  const entries = follower
    .look(9000)
    .map(({ kind, timeUs, a, b, c, d, e, f }) => [clientRecordKinds[kind], timeUs, a, b, c, d, e, f]);
  assert.deepEqual(entries, [
    ["receive", 1000, 1, 1, 512, 5, 2, 4711],
    ["part", 1000, 1, 1, 6, 0, 0, 0],
    ["submit", 1000, 1, 6, 1, 512, 0, 0],
    ["send", 1000, 1, 6, 4, 0, 0, 0],
    ["send", 1000, 1, 6, 5, 0, 0, 0],
    ["complete", 2000, 1, 6, 13, 0, 0, 0],
    ["reply", 2000, 1, 1, 0, 0, 0, 0],
    ["submit", 2000, 2, 6, 2, 0, 0, 0],
    ["receive", 2000, 2, 1, 1, 1, 0, 1],
  ]);
});

test("memory that others could write, or of another size, is no recorder's", () => {
  const open = createShared("test", RING_BYTES);
  open.sealSize();
  assert.throws(() => checkClientRecorder(open.fd.fd), { kind: "protocol" });
  const short = createShared("test", RING_BYTES - 4);
  short.seal();
  assert.throws(() => mapClientRecorder(short.fd.fd), { kind: "protocol", message: /expected \d+ bytes/ });
});
