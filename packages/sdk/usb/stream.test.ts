// Runs in: tests. Owns: streams over usbfs and over USB/IP, which must look alike.
import assert from "node:assert/strict";
import { test } from "node:test";
import { usbStream } from "./stream.ts";
import type { StreamOptions, UsbEndpoint, UsbStream } from "./types.ts";
import { usbfs, type Wire, wires } from "./wires.fixture.ts";

const [EPIPE, EPROTO] = [32, 71]; // asm-generic/errno-base.h, asm-generic/errno.h
const bulk: UsbEndpoint = { endpointNumber: 1, direction: "in", type: "bulk", packetSize: 64, interval: 0 };
const sound: UsbEndpoint = { ...bulk, type: "isochronous", packetSize: 16, interval: 1 };
const options: StreamOptions = { transferBytes: 128, transfers: 3 };
const full = (value: number) => new Uint8Array(128).fill(value);

const iterate = (stream: UsbStream) => stream[Symbol.asyncIterator]();

/** The rest, as [status, first byte, bytes]. */
async function rest(stream: UsbStream): Promise<[string, number | undefined, number][]> {
  const told: [string, number | undefined, number][] = [];
  for await (const { status, data, bytes } of stream) told.push([status, data[0], bytes]);
  return told;
}

for (const [name, make] of Object.entries(wires)) {
  const streamed = (what: string, run: (wire: Wire) => Promise<void>) =>
    test(`${name}: ${what}`, async (context) => {
      const wire = make();
      context.after(() => wire.close());
      await run(wire);
    });

  streamed("nothing is asked for before the first `next`, then all transfers at once", async (wire) => {
    const stream = usbStream(wire.transport, bulk, options);
    await new Promise(setImmediate);
    assert.equal(wire.submitted, 0);
    const first = iterate(stream).next();
    assert.deepEqual(await wire.waiting(3), [128, 128, 128]);
    wire.send(full(7));
    assert.equal((await first).value?.data[127], 7);
    await stream[Symbol.asyncDispose]();
  });

  streamed("transfers come in order, short ones too, and each is asked for again", async (wire) => {
    const stream = usbStream(wire.transport, bulk, options);
    const received = iterate(stream);
    let next = received.next();
    for (let round = 1; round <= 10; round++) {
      await wire.waiting(3);
      wire.send(full(round).subarray(0, round % 3 === 0 ? 5 : 128));
      const { value } = await next;
      assert.deepEqual(
        [value?.status, value?.data[0], value?.data.length],
        ["ok", round, round % 3 === 0 ? 5 : 128],
      );
      next = received.next();
    }
    await wire.waiting(3);
    assert.equal(wire.submitted, 13);
    await stream[Symbol.asyncDispose]();
    assert.deepEqual(await next, { done: true, value: undefined });
  });

  streamed("who does not ask holds the device up: no more is in flight than was agreed", async (wire) => {
    const stream = usbStream(wire.transport, bulk, options);
    const received = iterate(stream);
    const first = received.next();
    await wire.waiting(3);
    for (const value of [1, 2, 3]) wire.send(full(value));
    const { data } = (await first).value!;
    await wire.waiting(0);
    assert.equal(wire.submitted, 3);
    assert.equal(data[0], 1);
    const second = await received.next(); // gives the first one's memory back
    await wire.waiting(1);
    assert.equal(second.value?.data[0], 2);
    assert.equal((await received.next()).value?.data[0], 3);
    assert.deepEqual(await wire.waiting(2), [128, 128]);
    await stream[Symbol.asyncDispose]();
  });

  streamed("a stall is told with its bytes and is the last; the others are taken back", async (wire) => {
    const told = rest(usbStream(wire.transport, bulk, options));
    await wire.waiting(3);
    wire.send(full(1));
    await wire.waiting(3);
    wire.send(full(2).subarray(0, 10), EPIPE);
    assert.deepEqual(await told, [
      ["ok", 1, 128],
      ["stall", 2, 10],
    ]);
    await wire.waiting(0);
  });

  streamed("what came behind a failed transfer is told after it", async (wire) => {
    const received = iterate(usbStream(wire.transport, bulk, options));
    const first = received.next();
    await wire.waiting(3);
    wire.send(new Uint8Array(0), EPROTO);
    wire.send(full(2));
    assert.deepEqual((await first).value?.status, "error");
    assert.equal((await received.next()).value?.data[0], 2);
    assert.equal((await received.next()).done, true);
    await wire.waiting(0);
  });

  streamed("a device that goes is told once", async (wire) => {
    const told = rest(usbStream(wire.transport, bulk, options));
    await wire.waiting(3);
    wire.unplug();
    assert.deepEqual(await told, [["gone", undefined, 0]]);
  });

  streamed("what came before a device went is told as if it were there", async (wire) => {
    const received = iterate(usbStream(wire.transport, bulk, options));
    const first = received.next();
    await wire.waiting(3);
    for (const value of [1, 2]) wire.send(full(value));
    const { data } = (await first).value!;
    wire.unplug();
    await wire.transport.gone;
    assert.equal(data[0], 1);
    assert.equal((await received.next()).value?.data[0], 2);
    assert.equal((await received.next()).value?.status, "gone");
    assert.equal((await received.next()).done, true);
  });

  streamed("a reset ends it, and is told", async (wire) => {
    const told = rest(usbStream(wire.transport, bulk, options));
    await wire.waiting(3);
    await wire.transport.reset();
    assert.deepEqual(await told, [["cancelled", undefined, 0]]);
    await wire.waiting(0);
  });

  streamed("leaving the loop takes back what is in flight and empties what was lent", async (wire) => {
    let lent = new Uint8Array(0);
    const left = (async () => {
      for await (const { data } of usbStream(wire.transport, bulk, options)) {
        lent = data as Uint8Array<ArrayBuffer>;
        break;
      }
    })();
    await wire.waiting(3);
    wire.send(full(1));
    await left;
    assert.deepEqual([wire.inFlight, lent.length], [0, 0]);
  });

  streamed("its signal ends a wait for a device that says nothing, and nothing is told", async (wire) => {
    const abort = new AbortController();
    const told = rest(usbStream(wire.transport, bulk, { ...options, signal: abort.signal }));
    await wire.waiting(3);
    abort.abort();
    assert.deepEqual(await told, []);
    await wire.waiting(0);
  });

  streamed("disposing of it ends a wait, and waits until all is back", async (wire) => {
    const stream = usbStream(wire.transport, bulk, options);
    const told = rest(stream);
    await wire.waiting(3);
    await stream[Symbol.asyncDispose]();
    assert.equal(wire.inFlight, 0);
    assert.deepEqual(await told, []);
  });

  streamed("an isochronous transfer tells of each packet, in its own room", async (wire) => {
    const stream = usbStream(wire.transport, sound, { transferBytes: 32, transfers: 2, packetBytes: 16 });
    const first = iterate(stream).next();
    assert.deepEqual(await wire.waiting(2), [32, 32]);
    wire.sendPackets(16, [Uint8Array.of(1, 2), Uint8Array.of(3)]);
    const { data, packets, bytes } = (await first).value!;
    assert.deepEqual([bytes, data.length, data[0], data[1], data[16]], [3, 32, 1, 2, 3]);
    assert.deepEqual(packets, [
      { bytes: 2, status: "ok" },
      { bytes: 1, status: "ok" },
    ]);
    await stream[Symbol.asyncDispose]();
  });
}

test("over usbfs the bytes are received into the kernel's own memory, which goes back with the stream", async () => {
  const { kernel, transport } = usbfs();
  const stream = usbStream(transport, bulk, options);
  const received = iterate(stream);
  const first = received.next();
  assert.deepEqual(
    kernel.pending.map(({ buffer }) => kernel.mapped.indexOf(buffer.buffer as ArrayBuffer)),
    [0, 1, 2],
  );
  kernel.complete(0, full(9));
  assert.equal((await first).value?.data.buffer, kernel.mapped[0]);
  await stream[Symbol.asyncDispose]();
  assert.deepEqual(kernel.mapped, []);
});

test("without room in the kernel's memory a stream has its own", async () => {
  const { kernel, transport } = usbfs();
  kernel.mapAnswer = -12; // ENOMEM
  const stream = usbStream(transport, bulk, options);
  const first = iterate(stream).next();
  kernel.complete(0, full(9));
  assert.equal((await first).value?.data[0], 9);
  await stream[Symbol.asyncDispose]();
});

test("a transport that closes under a stream takes its memory with it", async () => {
  const { kernel, transport } = usbfs();
  const told = rest(usbStream(transport, bulk, options));
  await transport.close();
  assert.deepEqual([await told, kernel.mapped], [[["cancelled", undefined, 0]], []]);
});

const misfits: [string, UsbEndpoint, StreamOptions, RegExp][] = [
  ["no transfer", bulk, { ...options, transfers: 0 }, /endpoint 1: transfers: expected 1 to 64, found 0/],
  ["65 transfers", bulk, { ...options, transfers: 65 }, /transfers: expected 1 to 64/],
  [
    "half a packet",
    bulk,
    { ...options, transferBytes: 96 },
    /multiple of the endpoint's packetSize 64, found 96/,
  ],
  ["over 1 MiB", bulk, { ...options, transferBytes: (1 << 20) + 64 }, /transferBytes: expected 1 to 1048576/],
  ["9 MiB in all", bulk, { transferBytes: 1 << 20, transfers: 9 }, /at most 8388608, found 9437184/],
  ["packets in bulk", bulk, { ...options, packetBytes: 64 }, /packetBytes: expected none on a bulk endpoint/],
  ["isochronous without packets", sound, options, /packetBytes: expected .* found undefined/],
  ["129 packets", sound, { transferBytes: 129, transfers: 1, packetBytes: 1 }, /packetBytes/],
  ["a packet and a half", sound, { transferBytes: 24, transfers: 1, packetBytes: 16 }, /packetBytes/],
];
for (const [what, endpoint, given, message] of misfits)
  test(`${what} is refused`, () => {
    const { transport } = usbfs();
    assert.throws(() => usbStream(transport, endpoint, given), { kind: "invalid", message });
  });
