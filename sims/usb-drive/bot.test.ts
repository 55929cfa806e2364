// Runs in: tests. Owns: one sim process a test; the Bulk-Only rules as a host sees them on the wire.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cbw,
  clearHalt,
  EPIPE,
  input,
  none,
  output,
  parseStatus,
  pattern,
  read10,
  readStatus,
  resetRecovery,
  sense,
  testUnitReady,
  write10,
} from "./test/bulk-only-host.ts";
import { IMAGE_BYTES, Sim } from "./test/sim-process.ts";

const content = pattern(IMAGE_BYTES, 0);
const EOVERFLOW = -75;
const EREMOTEIO = -121;
const ECONNRESET = -104;

async function start() {
  const sim = new Sim([], { content });
  return { sim, client: await sim.connectReady(), [Symbol.asyncDispose]: () => sim[Symbol.asyncDispose]() };
}

test("cases 1, 6 and 12, agreement: data, residue 0, status 0", async () => {
  await using t = await start();
  const done = [
    await none(t.client, testUnitReady),
    await input(t.client, read10(1, 2), 1024),
    await output(t.client, write10(1, 2), pattern(1024, 5)),
  ];
  assert.deepEqual(
    done.map((each) => [each.dataStatus, each.residue, each.status]),
    [
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ],
  );
  assert.deepEqual(done[1]!.data, content.subarray(512, 1536));
});

test("cases 2 and 3, data where the host expects none: phase error", async () => {
  await using t = await start();
  assert.equal((await none(t.client, read10(0, 1))).status, 2);
  assert.equal((await none(t.client, write10(0, 1))).status, 2);
});

test("case 4, no data where the host reads: stall, full residue, the command's own status", async () => {
  await using t = await start();
  const good = await input(t.client, testUnitReady, 512);
  assert.deepEqual([good.dataStatus, good.residue, good.status], [EPIPE, 512, 0]);
  const failed = await input(t.client, read10(0xffffff, 1), 512);
  assert.deepEqual([failed.dataStatus, failed.residue, failed.status], [EPIPE, 512, 1]);
  assert.equal(await sense(t.client), "05/21/00");
});

test("case 5, less data than the host reads: the data, then a stall and an honest residue", async () => {
  await using t = await start();
  const whole = await input(t.client, read10(0, 1), 2048); // ends on a packet: the stall is in the same transfer
  assert.deepEqual([whole.dataStatus, whole.data.length, whole.residue, whole.status], [EPIPE, 512, 1536, 0]);
  const short = await input(t.client, [0x12, 0, 0, 0, 36, 0], 100); // ends with a short packet: the stall comes next
  assert.deepEqual([short.dataStatus, short.data.length, short.residue, short.status], [0, 36, 64, 0]);
});

test("case 7, more data than the host reads: what it asked for, then phase error", async () => {
  await using t = await start();
  const done = await input(t.client, read10(0, 4), 1024);
  assert.deepEqual([done.dataStatus, done.data.length, done.residue, done.status], [0, 1024, 0, 2]);
});

test("cases 8 and 10, opposite directions: stall and phase error", async () => {
  await using t = await start();
  const eight = await input(t.client, write10(0, 1), 512);
  assert.deepEqual([eight.dataStatus, eight.status], [EPIPE, 2]);
  const ten = await output(t.client, read10(0, 1), pattern(512, 1));
  assert.deepEqual([ten.dataStatus, ten.status], [EPIPE, 2]);
  assert.deepEqual((await input(t.client, read10(0, 1), 512)).data, content.subarray(0, 512));
});

test("case 9, no data where the host writes: stall, full residue", async () => {
  await using t = await start();
  const done = await output(t.client, testUnitReady, pattern(512, 1));
  assert.deepEqual([done.dataStatus, done.residue, done.status], [EPIPE, 512, 0]);
});

test("case 11, less data than the host writes: takes its part, stalls the rest", async () => {
  await using t = await start();
  const done = await output(t.client, write10(0, 1), pattern(1024, 1));
  assert.deepEqual([done.dataStatus, done.residue, done.status], [EPIPE, 512, 0]);
  assert.deepEqual((await input(t.client, read10(0, 1), 512)).data, pattern(512, 1));
});

test("case 13, more data than the host writes: phase error", async () => {
  await using t = await start();
  const done = await output(t.client, write10(0, 4), pattern(1024, 1));
  assert.deepEqual([done.dataStatus, done.status], [0, 2]);
});

test("a CBW that is not valid halts both pipes until reset recovery", async () => {
  await using t = await start();
  const wrong = cbw(testUnitReady, 0, false);
  wrong[0] = 0;
  await t.client.out(wrong);
  assert.equal((await t.client.in(13)).status, EPIPE);
  await clearHalt(t.client, 0x81);
  await clearHalt(t.client, 0x02);
  assert.equal((await t.client.in(13)).status, EPIPE, "clearing the halt alone does not help");
  assert.equal((await t.client.control(0x82, 0, 0, 0x02, 2)).data[0], 1, "GET_STATUS tells the halt");
  await resetRecovery(t.client);
  assert.equal((await none(t.client, testUnitReady)).status, 0);
});

test("CBWs of a wrong length, LUN, command length or reserved bit are refused alike", async () => {
  await using t = await start();
  const change = (at: number, value: number) => {
    const bytes = cbw(testUnitReady, 0, false);
    bytes[at] = value;
    return bytes;
  };
  const wrong = [
    change(12, 1),
    change(13, 0x10),
    change(14, 0),
    change(14, 17),
    Buffer.alloc(30),
    Buffer.alloc(600),
  ];
  for (const bytes of wrong) {
    await t.client.out(bytes);
    assert.equal((await t.client.in(13)).status, EPIPE);
    await resetRecovery(t.client);
  }
  assert.equal((await none(t.client, testUnitReady)).status, 0);
});

test("a Bulk-Only reset drops the command under way and keeps halts", async () => {
  await using t = await start();
  await t.client.out(cbw(write10(0, 8), 4096, false));
  await t.client.out(pattern(512, 3)); // seven sectors are missing
  await t.client.control(0x02, 0x03, 0, 0x81); // SET_FEATURE(ENDPOINT_HALT)
  await t.client.control(0x21, 0xff, 0, 0);
  assert.equal((await t.client.in(13)).status, EPIPE);
  await clearHalt(t.client, 0x81);
  assert.equal((await none(t.client, testUnitReady)).status, 0);
});

test("transfers queued ahead are served in order: command, data in pieces, status", async () => {
  await using t = await start();
  const command = t.client.out(cbw(read10(0, 64), 32768, true));
  const pieces = Array.from({ length: 8 }, () => t.client.in(4096));
  const status = t.client.in(13);
  const next = t.client.out(cbw(read10(64, 1), 512, true));
  const nextData = t.client.in(512);
  const nextStatus = t.client.in(13);
  assert.equal((await command).status, 0);
  const data = Buffer.concat((await Promise.all(pieces)).map((each) => each.data));
  assert.deepEqual(data, content.subarray(0, 32768));
  assert.equal(parseStatus(await status).status, 0);
  assert.equal((await next).status, 0);
  assert.deepEqual((await nextData).data, content.subarray(32768, 33280));
  assert.equal(parseStatus(await nextStatus).status, 0);
});

test("a write whose data comes in many transfers is one write", async () => {
  await using t = await start();
  const data = pattern(65536, 77);
  const sent = [t.client.out(cbw(write10(3, 128), 65536, false))];
  for (let at = 0; at < 65536; at += 8192) sent.push(t.client.out(data.subarray(at, at + 8192)));
  const status = await readStatus(t.client);
  assert.deepEqual([status.status, status.residue], [0, 0]);
  assert.deepEqual(
    (await Promise.all(sent)).map((each) => each.status),
    Array(9).fill(0),
  );
  assert.deepEqual((await input(t.client, read10(3, 128), 65536)).data, data);
});

test("a transfer too small for the packet overflows", async () => {
  await using t = await start();
  await t.client.out(cbw(read10(0, 1), 512, true));
  assert.equal((await t.client.in(100)).status, EOVERFLOW);
  assert.equal(parseStatus(await t.client.in(13)).status, 0);
});

test("a transfer that goes on past the data gets the status behind it, as on a bus", async () => {
  await using t = await start();
  await t.client.out(cbw(read10(0, 1), 512, true));
  const reply = await t.client.in(1024);
  assert.deepEqual([reply.status, reply.actual], [0, 512 + 13]);
});

test("URB_SHORT_NOT_OK makes a short transfer an error that keeps its bytes", async () => {
  await using t = await start();
  await t.client.out(cbw([0x12, 0, 0, 0, 36, 0], 36, true));
  const reply = await t.client.in(512, 1, 1);
  assert.deepEqual([reply.status, reply.data.length], [EREMOTEIO, 36]);
});

test("an unlinked transfer is answered by its unlink alone, and the queue goes on", async () => {
  await using t = await start();
  void t.client.in(13);
  const target = t.client.lastSeqnum;
  assert.equal(await t.client.unlink(target), ECONNRESET);
  assert.equal(await t.client.unlink(target), 0, "a second unlink finds nothing");
  assert.equal((await none(t.client, testUnitReady)).status, 0);
});

test("a short packet in the middle of write data ends it: phase error", async () => {
  await using t = await start();
  await t.client.out(cbw(write10(0, 4), 2048, false));
  await t.client.out(pattern(700, 1));
  assert.equal((await readStatus(t.client)).status, 2);
  await resetRecovery(t.client);
  assert.equal((await none(t.client, testUnitReady)).status, 0);
});
