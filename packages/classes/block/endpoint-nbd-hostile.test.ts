// Runs in: node --test. Owns: NBD clients that break the rules, against a real socket.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { systemClock } from "@ring3/kernel/clock/clock";
import {
  NBD_CMD_READ,
  NBD_CMD_WRITE,
  NBD_OPT_GO,
  NBD_OPT_LIST,
  NBD_REP_ACK,
  NBD_REP_ERR_POLICY,
} from "@ring3/kernel/nbd/constants";
import { encodeClientFlags, encodeInfoRequest, encodeOption } from "@ring3/kernel/nbd/handshake";
import { encodeRequest } from "@ring3/kernel/nbd/transmission";
import fc from "fast-check";
import { latch, type Served, type ServeOptions, serveNbd } from "./endpoint-nbd.fixture.ts";

const serve = (t: TestContext, options?: ServeOptions) => serveNbd(t, systemClock, options);
const SLOTS = 8;
const ALL_SLOTS_BYTES = SLOTS * 65_536;

/** A new client gets an answer that takes all slots there are. */
async function answers({ client }: Served): Promise<void> {
  const nbd = await (await client()).go();
  assert.equal((await nbd.ask(NBD_CMD_READ, 0, ALL_SLOTS_BYTES)).error, 0);
  nbd.disconnect();
}

/** The endpoint serves the next client as if nothing had been, and holds nothing of the last one. */
async function stillServes(served: Served): Promise<void> {
  await answers(served);
  assert.equal(served.disk.freeSlots(), SLOTS);
}

const go = encodeOption(NBD_OPT_GO, encodeInfoRequest("", []));
const write = encodeRequest({
  type: NBD_CMD_WRITE,
  flags: 0,
  cookieHigh: 0,
  cookieLow: 1,
  offset: 0,
  length: 4096,
});
const garbage = Buffer.alloc(200, 0xa5);

const garbageAfter: [string, Uint8Array[]][] = [
  ["client flags", [encodeClientFlags(0xffff_fffc)]],
  ["options", [encodeClientFlags(3), garbage]],
  [
    "an option's length of 4 GiB",
    [
      encodeClientFlags(3),
      Buffer.concat([encodeOption(NBD_OPT_LIST).subarray(0, 12), Buffer.alloc(4, 0xff)]),
    ],
  ],
  ["requests", [encodeClientFlags(3), go, garbage]],
  ["requests behind a whole write", [encodeClientFlags(3), go, write, Buffer.alloc(4096), garbage]],
];

for (const [where, said] of garbageAfter) {
  test(`garbage in ${where} is logged and hung up on`, async (t) => {
    const served = serve(t);
    const nbd = await served.client();
    nbd.send(...said);
    await nbd.readToEnd();
    await stillServes(served);
    assert.deepEqual(
      served.log.map(({ level }) => level),
      ["warn"],
    );
    assert.match(served.log[0]!.message, /^NBD client hung up on: NBD /);
  });
}

const whole = Buffer.concat([encodeClientFlags(3), go, write, Buffer.alloc(4096, 1)]);
const cuts: [string, number][] = [
  ["client flags", 2],
  ["an option's header", 4 + 9],
  ["an option's data", 4 + 16 + 3],
  ["a request's header", 4 + go.length + 15],
  ["a write's payload", 4 + go.length + 28 + 1000],
];

for (const [where, length] of cuts) {
  test(`a client that leaves in the middle of ${where} leaves no trace`, async (t) => {
    const served = serve(t);
    const nbd = await served.client();
    nbd.send(whole.subarray(0, length));
    await nbd.sent();
    nbd.socket.end();
    await nbd.readToEnd();
    await stillServes(served);
    assert.deepEqual(
      served.disk.seen.map(({ name }) => name),
      Array(8).fill("read"),
    );
  });
}

test("a client that leaves in mid-write has its whole writes executed, and the broken one not", async (t) => {
  const served = serve(t);
  const [begun, slow] = [latch(), latch()];
  served.disk.gate = () => {
    begun.open();
    return slow.opened;
  };
  const nbd = await (await served.client()).go();
  nbd.request(NBD_CMD_WRITE, 0, 512, 0, Buffer.alloc(512, 1));
  nbd.request(NBD_CMD_WRITE, 512, 131_072, 0, Buffer.alloc(100_000, 2));
  await begun.opened;
  nbd.disconnect();
  slow.open();
  await served.endpoint.close();
  assert.deepEqual(served.disk.seen, [
    { name: "write", input: { lba: 0, count: 1, fua: 0, medium: 1 } },
    { name: "flush", input: { medium: 1 } },
  ]);
  assert.deepEqual([served.disk.bytes[0], served.disk.bytes[512]], [1, 0]);
  assert.equal(served.disk.freeSlots(), SLOTS);
});

test("a client that never reads its replies does not keep others from theirs", async (t) => {
  const served = serve(t);
  served.disk.bytes.set(randomBytes(served.disk.bytes.length));
  const lazy = await (await served.client()).go();
  lazy.socket.pause();
  for (let index = 0; index < 40; index++) lazy.request(NBD_CMD_READ, 0, ALL_SLOTS_BYTES);
  await answers(served);
  await answers(served);
  lazy.socket.resume();
  const expected = Buffer.from(served.disk.bytes.subarray(0, ALL_SLOTS_BYTES));
  for (let index = 0; index < 40; index++) assert.deepEqual((await lazy.reply()).data, expected);
});

test("a client that stops in the middle of a write does not keep others from theirs, and may go on later", async (t) => {
  const served = serve(t);
  const data = randomBytes(ALL_SLOTS_BYTES);
  const lazy = await (await served.client()).go();
  lazy.request(NBD_CMD_WRITE, 0, data.length, 0, data.subarray(0, 300_000));
  await lazy.sent();
  await stillServes(served);
  lazy.send(data.subarray(300_000));
  assert.equal((await lazy.reply()).error, 0);
  assert.deepEqual(Buffer.from(served.disk.bytes.subarray(0, data.length)), data);
  assert.equal(served.disk.freeSlots(), SLOTS);
});

test("the 65th client is hung up on, the others are served", async (t) => {
  const served = serve(t);
  const clients = await Promise.all(Array.from({ length: 64 }, served.client));
  for (const nbd of clients) await nbd.greet();
  assert.equal((await (await served.client()).readToEnd()).length, 0);
  assert.deepEqual(
    (await clients[63]!.option(NBD_OPT_LIST)).map(({ type }) => type),
    [2, NBD_REP_ACK],
  );
});

test("a client that does not negotiate within 10 seconds is hung up on", async (t) => {
  const clock = manualClock();
  const served = serveNbd(t, clock);
  const nbd = await served.client();
  await nbd.greet();
  clock.advance(9_999);
  await nbd.option(NBD_OPT_LIST);
  clock.advance(1);
  assert.equal((await nbd.readToEnd()).length, 0);
  assert.match(served.log[0]!.message, /not finished its negotiation within 10000 ms/);
});

test("a client is told who holds the disk, and let in once it is free", async (t) => {
  let holder: string | undefined = "ext4 (pid 7)";
  const { disk, ...served }: Served = serve(t, {
    async open() {
      if (holder !== undefined) throw new DeviceError("busy", `the disk is held for writing by ${holder}`);
      return disk.port;
    },
  });
  const nbd = await served.client();
  await nbd.greet();
  const [refused] = await nbd.option(NBD_OPT_GO, encodeInfoRequest("", []));
  assert.equal(refused!.type, NBD_REP_ERR_POLICY);
  assert.match(refused!.data.toString(), /held for writing by ext4 \(pid 7\)/);
  holder = undefined;
  assert.equal((await nbd.option(NBD_OPT_GO, encodeInfoRequest("", []))).at(-1)!.type, NBD_REP_ACK);
});

test("whatever bytes a client sends, the endpoint serves the next one", async (t) => {
  const served = serve(t);
  const request = fc
    .record(
      {
        type: fc.nat(8),
        flags: fc.nat(31),
        offset: fc.oneof(
          fc.nat(2048).map((sector) => sector * 512),
          fc.maxSafeNat(),
        ),
        length: fc.nat(300).map((sectors) => sectors * 512),
        cookieHigh: fc.nat(),
        cookieLow: fc.nat(),
      },
      { noNullPrototype: true },
    )
    .map(encodeRequest);
  const bytes = fc.uint8Array({ maxLength: 600 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(request, request, bytes), { maxLength: 20 }), async (parts) => {
      const nbd = await (await served.client()).go();
      nbd.send(...parts);
      nbd.socket.end();
      await nbd.readToEnd();
    }),
    { numRuns: 100 },
  );
  await stillServes(served);
});
