import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { type ManualClock, manualClock } from "@ring3/core/clock";
import type { DeviceError } from "@ring3/core/errors";
import fc from "fast-check";
import { socketPair } from "../socket/unix.ts";
import type { Outcome } from "../usb/transport.ts";
import { TestServer } from "./test-server.fixture.ts";
import { type UsbipTransport, usbipTransport } from "./transport.ts";

const [EPIPE, ENODEV, EPROTO, ECONNRESET] = [32, 19, 71, 104];

interface Link {
  server: TestServer;
  transport: UsbipTransport;
  clock: ManualClock;
  errors: DeviceError[];
}

function link(context: { after(run: () => Promise<void>): void }): Link {
  const [ours, theirs] = socketPair();
  const server = new TestServer(theirs);
  const clock = manualClock();
  const errors: DeviceError[] = [];
  const device = { devid: 0x0003_0002, speed: "high" as const };
  const transport = usbipTransport(ours, device, clock, { onError: (error) => errors.push(error) });
  context.after(async () => {
    await transport.close();
    server.hangUp();
  });
  return { server, transport, clock, errors };
}

const pattern = (length: number, seed = 0) =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff);

test("a control IN transfer carries its setup packet and fills the data", async (context) => {
  const { server, transport } = link(context);
  const data = new Uint8Array(18);
  const done = transport.control({ requestType: 0x80, request: 6, value: 0x0100, index: 0x0409 }, data);
  const { data: _, ...received } = await server.command();
  assert.deepEqual(received, {
    command: 1,
    seqnum: 1,
    devid: 0x0003_0002,
    direction: 1,
    endpoint: 0,
    flags: 0x200,
    length: 18,
    packets: 0,
    interval: 0,
    setup: [0x80, 6, 0, 1, 9, 4, 18, 0],
    unlinks: 0x200,
  });
  server.retSubmit(1, 0, 3, Uint8Array.of(18, 1, 2));
  assert.deepEqual(await done, { status: "ok", bytes: 3, errno: 0 });
  assert.deepEqual([...data.subarray(0, 4)], [18, 1, 2, 0]);
});

test("a control OUT transfer sends its data", async (context) => {
  const { server, transport } = link(context);
  const done = transport.control({ requestType: 0x21, request: 9, value: 0, index: 0 }, Uint8Array.of(5, 6));
  const { data, direction, setup } = await server.command();
  assert.deepEqual([[...data], direction, setup], [[5, 6], 0, [0x21, 9, 0, 0, 0, 0, 2, 0]]);
  server.retSubmit(1, 0, 2);
  assert.deepEqual(await done, { status: "ok", bytes: 2, errno: 0 });
});

test("4 MiB OUT arrive whole although the server reads slowly, and 4 MiB come back in", async (context) => {
  const { server, transport } = link(context);
  const sent = pattern(4 << 20);
  const out = transport.transfer("bulk", 0x02, sent);
  const { data, endpoint } = await server.command();
  assert.equal(endpoint, 2);
  assert.equal(Buffer.compare(data, sent), 0);
  server.retSubmit(1, 0, sent.length);
  assert.deepEqual(await out, { status: "ok", bytes: sent.length, errno: 0 });

  const room = new Uint8Array(4 << 20);
  const into = transport.transfer("bulk", 0x81, room);
  const { seqnum } = await server.command();
  server.retSubmit(seqnum, 0, sent.length, sent);
  assert.equal((await into).bytes, sent.length);
  assert.equal(Buffer.compare(room, sent), 0);
});

test("replies in another order than the commands find their transfers", async (context) => {
  const { server, transport } = link(context);
  const rooms = [new Uint8Array(4), new Uint8Array(600), new Uint8Array(4)];
  const done = rooms.map((room) => transport.transfer("bulk", 0x81, room));
  const seqnums = [
    (await server.command()).seqnum,
    (await server.command()).seqnum,
    (await server.command()).seqnum,
  ];
  server.retSubmit(seqnums[2]!, 0, 4, pattern(4, 2));
  server.retSubmit(seqnums[1]!, 0, 600, pattern(600, 1));
  server.retSubmit(seqnums[0]!, 0, 2, pattern(2, 0));
  assert.deepEqual(
    (await Promise.all(done)).map(({ bytes }) => bytes),
    [2, 600, 4],
  );
  assert.deepEqual(rooms[1], pattern(600, 1));
  assert.deepEqual(rooms[2], pattern(4, 2));
});

test("a stall keeps the bytes that came before it", async (context) => {
  const { server, transport } = link(context);
  const done = transport.transfer("bulk", 0x81, new Uint8Array(1024));
  await server.command();
  server.retSubmit(1, -EPIPE, 512, pattern(512));
  assert.deepEqual(await done, { status: "stall", bytes: 512, errno: EPIPE });
});

test("an interrupt transfer has an interval, which Linux's server demands", async (context) => {
  const { server, transport } = link(context);
  transport.transfer("interrupt", 0x83, new Uint8Array(8));
  assert.equal((await server.command()).interval, 1);
});

test("a cancelled transfer settles when RET_UNLINK arrives", async (context) => {
  const { server, transport } = link(context);
  const abort = new AbortController();
  const done = transport.transfer("bulk", 0x81, new Uint8Array(8), abort.signal);
  const { seqnum } = await server.command();
  abort.abort();
  const unlink = await server.command();
  assert.deepEqual(
    [unlink.command, unlink.seqnum, unlink.unlinks, unlink.devid],
    [2, 2, seqnum, 0x0003_0002],
  );
  server.retUnlink(unlink.seqnum, -ECONNRESET);
  assert.deepEqual(await done, { status: "cancelled", bytes: 0, errno: ECONNRESET });
});

test("a cancellation that comes too late reports what the transfer did", async (context) => {
  const { server, transport } = link(context);
  const abort = new AbortController();
  const done = transport.transfer("bulk", 0x81, new Uint8Array(8), abort.signal);
  await server.command();
  abort.abort();
  const unlink = await server.command();
  server.retSubmit(1, 0, 8, pattern(8));
  server.retUnlink(unlink.seqnum, 0);
  assert.deepEqual(await done, { status: "ok", bytes: 8, errno: 0 });
  await roundTrip(server, transport);
});

test("a RET_SUBMIT that its RET_UNLINK has overtaken is swallowed and leaves the caller's buffer alone", async (context) => {
  const { server, transport } = link(context);
  const abort = new AbortController();
  const data = new Uint8Array(600);
  const done = transport.transfer("bulk", 0x81, data, abort.signal);
  await server.command();
  abort.abort();
  const unlink = await server.command();
  server.retUnlink(unlink.seqnum, 0);
  assert.equal((await done).status, "cancelled");
  server.retSubmit(1, 0, 600, pattern(600, 1));
  await roundTrip(server, transport);
  assert.deepEqual(data, new Uint8Array(600));
});

test("an aborted signal sends nothing", async (context) => {
  const { server, transport } = link(context);
  assert.equal(
    (await transport.transfer("bulk", 0x81, new Uint8Array(8), AbortSignal.abort())).status,
    "cancelled",
  );
  await roundTrip(server, transport);
});

test("a transfer that waits behind a slow reader is cancelled without a word", async (context) => {
  const { server, transport } = link(context);
  const abort = new AbortController();
  transport.transfer("bulk", 0x02, new Uint8Array(4 << 20));
  const waiting = transport.transfer("bulk", 0x02, new Uint8Array(8), abort.signal);
  abort.abort();
  assert.equal((await waiting).status, "cancelled");
  assert.equal((await server.command()).length, 4 << 20);
});

test("a server that does not answer an unlink in time ends the stream", async (context) => {
  const { server, transport, clock, errors } = link(context);
  const abort = new AbortController();
  const done = transport.transfer("bulk", 0x81, new Uint8Array(8), abort.signal);
  await server.command();
  abort.abort();
  clock.advance(2000);
  assert.deepEqual(await done, { status: "gone", bytes: 0, errno: ENODEV });
  await transport.gone;
  assert.deepEqual(
    errors.map(({ kind }) => kind),
    ["timeout"],
  );
});

test("what is taken back in the turn that has asked for it is never sent", async (context) => {
  const { server, transport } = link(context);
  const abort = new AbortController();
  const first = transport.transfer("bulk", 0x81, new Uint8Array(8), abort.signal);
  const second = transport.transfer("bulk", 0x82, new Uint8Array(8));
  abort.abort();
  assert.equal((await first).status, "cancelled");
  assert.equal((await server.command()).endpoint, 2);
  server.hangUp();
  assert.equal((await second).status, "gone");
});

test("a server that hangs up ends everything in flight as gone", async (context) => {
  const { server, transport, errors } = link(context);
  const done = [transport.transfer("bulk", 0x81, new Uint8Array(8)), transport.clearHalt(0x81)];
  await server.command();
  server.hangUp();
  assert.deepEqual(
    (await Promise.all(done)).map(({ status, errno }) => [status, errno]),
    [
      ["gone", ENODEV],
      ["gone", ENODEV],
    ],
  );
  await transport.gone;
  assert.deepEqual(errors, []);
  assert.equal((await transport.transfer("bulk", 0x81, new Uint8Array(8))).status, "gone");
});

test("clear halt, set interface and reset are the standard requests, and a stalled reset has reset the device", async (context) => {
  const { server, transport } = link(context);
  const pending = transport.transfer("bulk", 0x81, new Uint8Array(8));
  await server.command();
  const results: Promise<Outcome>[] = [];
  const expectRequest = async (result: Promise<Outcome>, setup: number[], status: number) => {
    results.push(result);
    const received = await server.command();
    assert.deepEqual(received.setup, setup);
    server.retSubmit(received.seqnum, status, 0);
  };
  await expectRequest(transport.clearHalt(0x81), [0x02, 1, 0, 0, 0x81, 0, 0, 0], 0);
  await expectRequest(transport.setInterface(1, 2), [0x01, 11, 2, 0, 1, 0, 0, 0], 0);
  await Promise.all(results);
  const reset = transport.reset();
  const unlink = await server.command();
  assert.equal(unlink.command, 2);
  server.retUnlink(unlink.seqnum, -ECONNRESET);
  await expectRequest(reset, [0x23, 3, 4, 0, 0, 0, 0, 0], -EPIPE);
  assert.deepEqual(
    (await Promise.all(results)).map(({ status }) => status),
    ["ok", "ok", "ok"],
  );
  assert.equal((await pending).status, "cancelled");
});

test("a reset of a device whose server is away is gone, with everything in flight", async (context) => {
  const { server, transport } = link(context);
  const done = [0x81, 0x82].map((endpoint) => transport.transfer("bulk", endpoint, new Uint8Array(8)));
  await server.command();
  server.hangUp();
  await once(server.socket, "close");
  assert.equal((await transport.reset()).status, "gone");
  assert.deepEqual(
    (await Promise.all(done)).map(({ status }) => status),
    ["gone", "gone"],
  );
});

test("isochronous IN packets are moved to their places", async (context) => {
  const { server, transport } = link(context);
  const data = new Uint8Array(30);
  const done = transport.isochronous(0x81, data, Uint32Array.of(10, 10, 10));
  const { seqnum, packets, data: asked } = await server.command();
  assert.equal(packets, 3);
  assert.equal(asked.readUInt32BE(16), 10); // the second packet's offset
  const answer = Buffer.from(asked);
  [4, 0, 3].forEach((actual, index) => {
    answer.writeUInt32BE(actual, index * 16 + 8);
  });
  answer.writeInt32BE(-18, 1 * 16 + 12);
  server.retSubmit(seqnum, 0, 7, Buffer.concat([Buffer.from([1, 2, 3, 4, 7, 8, 9]), answer]), 3);
  assert.deepEqual(await done, {
    status: "ok",
    bytes: 7,
    errno: 0,
    packets: [
      { status: "ok", bytes: 4 },
      { status: "error", bytes: 0 },
      { status: "ok", bytes: 3 },
    ],
  });
  assert.deepEqual([...data.subarray(0, 4)], [1, 2, 3, 4]);
  assert.deepEqual([...data.subarray(20, 23)], [7, 8, 9]);
});

test("isochronous packets that add up to something else are an error", async (context) => {
  const { server, transport } = link(context);
  const done = transport.isochronous(0x81, new Uint8Array(10), Uint32Array.of(10));
  const { seqnum, data: asked } = await server.command();
  server.retSubmit(seqnum, 0, 7, Buffer.concat([Buffer.alloc(7), asked]), 1);
  assert.equal((await done).status, "error");
});

const malformed: [string, (server: TestServer) => void, RegExp][] = [
  [
    "a reply to nothing",
    (server) => server.retSubmit(77, 0, 0),
    /sequence number 77, which is not in flight/,
  ],
  [
    "a second reply",
    (server) =>
      [1, 1].forEach((seqnum) => {
        server.retSubmit(seqnum, 0, 0);
      }),
    /sequence number 1, which is not in flight/,
  ],
  [
    "an unlink's reply to no unlink",
    (server) => server.retUnlink(1, 0),
    /RET_UNLINK for sequence number 1, which is no unlink/,
  ],
  [
    "more bytes than were asked for",
    (server) => server.retSubmit(1, 0, 9, Buffer.alloc(9)),
    /actual_length 9 for a transfer of 8 bytes/,
  ],
  ["4 GiB", (server) => server.retSubmit(1, 0, 0xffffffff), /actual_length/],
  [
    "packets nobody asked for",
    (server) => server.retSubmit(1, 0, 0, Buffer.alloc(0), 2),
    /number_of_packets 2/,
  ],
  [
    "a command instead of a reply",
    (server) => server.socket.write(Buffer.alloc(48, 1)),
    /command: expected 3/,
  ],
  ["a positive status", (server) => server.retSubmit(1, 5, 0), /status: expected 0 or an errno/],
];
for (const [name, misbehave, message] of malformed) {
  test(`${name} ends the stream with a protocol error and everything pending as gone`, async (context) => {
    const { server, transport, errors } = link(context);
    const [first, second] = [0x81, 0x81].map((endpoint) =>
      transport.transfer("bulk", endpoint, new Uint8Array(8)),
    );
    await server.command();
    misbehave(server);
    await transport.gone;
    assert.equal((await second!).status, "gone");
    assert.equal((await second!).errno, EPROTO);
    assert.match((await first!).status, /gone|ok/);
    assert.equal(errors[0]?.kind, "protocol");
    assert.match(errors[0]!.message, message);
    await server.clientClosed();
  });
}

test("a reply to a command that is not fully sent ends the stream", async (context) => {
  const { server, transport, errors } = link(context);
  const done = transport.transfer("bulk", 0x02, new Uint8Array(4 << 20));
  await server.take(48);
  server.retSubmit(1, 0, 0);
  assert.equal((await done).status, "gone");
  assert.match(errors[0]!.message, /before it was sent/);
});

test("close settles what is in flight as cancelled and hangs up", async (context) => {
  const { server, transport } = link(context);
  const done = transport.transfer("bulk", 0x81, new Uint8Array(8));
  await transport.close();
  assert.equal((await done).status, "cancelled");
  await server.clientClosed();
});

test("a detached stream goes on with another transport", async (context) => {
  const { server, transport } = link(context);
  await roundTrip(server, transport);
  const next = usbipTransport(transport.detach(), { devid: 1, speed: "high" }, manualClock());
  await roundTrip(server, next);
  await next.close();
});

test("a stream with something in flight cannot be detached", (context) => {
  const { transport } = link(context);
  transport.transfer("bulk", 0x81, new Uint8Array(8));
  assert.throws(() => transport.detach(), /while something is in flight/);
});

test("whatever a server sends, every transfer settles", async () => {
  const answer = fc.oneof(
    fc.tuple(
      fc.constant("submit" as const),
      fc.integer({ min: 0, max: 6 }),
      fc.constantFrom(0, -EPIPE),
      fc.nat(20),
    ),
    fc.tuple(
      fc.constant("unlink" as const),
      fc.integer({ min: 0, max: 9 }),
      fc.constantFrom(0, -ECONNRESET),
      fc.nat(0),
    ),
    fc.tuple(fc.constant("bytes" as const), fc.nat(255), fc.nat(0), fc.nat(100)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer, { maxLength: 10 }),
      fc.array(fc.boolean(), { maxLength: 5 }),
      async (answers, aborts) => {
        const cleanups: (() => Promise<void>)[] = [];
        const { server, transport } = link({ after: (run) => cleanups.push(run) });
        const done = aborts.map((abort) => {
          const controller = new AbortController();
          const outcome = transport.transfer("bulk", 0x81, new Uint8Array(16), controller.signal);
          if (abort) controller.abort();
          return outcome;
        });
        const send = {
          submit: (seqnum: number, status: number, length: number) =>
            server.retSubmit(seqnum, status, length, Buffer.alloc(length)),
          unlink: (seqnum: number, status: number) => server.retUnlink(seqnum, status),
          bytes: (value: number, _: number, length: number) =>
            server.socket.write(Buffer.alloc(length, value)),
        };
        for (const [kind, first, status, length] of answers) send[kind](first, status, length);
        server.socket.end();
        const outcomes = await Promise.all(done);
        assert(outcomes.every(({ bytes }) => bytes <= 16));
        for (const cleanup of cleanups) await cleanup();
      },
    ),
  );
});

/** The stream is in step: one more transfer goes there and back. */
async function roundTrip(server: TestServer, transport: UsbipTransport): Promise<void> {
  const data = new Uint8Array(3);
  const done = transport.transfer("bulk", 0x81, data);
  const { seqnum } = await server.command();
  server.retSubmit(seqnum, 0, 3, Uint8Array.of(1, 2, 3));
  assert.deepEqual(await done, { status: "ok", bytes: 3, errno: 0 });
  assert.deepEqual([...data], [1, 2, 3]);
}
