import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Outcome } from "../usb/transport.ts";
import {
  USBDEVFS_CAP_BULK_CONTINUATION as CONTINUATION,
  USBDEVFS_CAP_BULK_SCATTER_GATHER as SCATTER_GATHER,
  USBDEVFS_CLAIMINTERFACE,
  USBDEVFS_CLEAR_HALT,
  USBDEVFS_GETDRIVER,
  USBDEVFS_RELEASEINTERFACE,
  USBDEVFS_RESET,
  USBDEVFS_SETINTERFACE,
} from "./constants.ts";
import { ScriptedUsbfs } from "./scripted-usbfs.fixture.ts";
import { UsbfsTransport } from "./transport.ts";

const [ENOENT, ENOMEM, EBUSY, EPIPE, EPROTO, EREMOTEIO] = [2, 12, 16, 32, 71, 121] as const;
const KIB = 1024;
const MIB = 1024 * KIB;

function open(capabilities = SCATTER_GATHER, claimed = [0]) {
  const usbfs = new ScriptedUsbfs(capabilities);
  const transport = new UsbfsTransport(usbfs, claimed);
  usbfs.ioctls.length = 0;
  return { usbfs, transport };
}

test("a control IN transfer sends its setup packet and fills the data", async () => {
  const { usbfs, transport } = open();
  const data = new Uint8Array(18);
  const done = transport.control({ requestType: 0x80, request: 6, value: 0x0100, index: 0x0409 }, data);
  assert.deepEqual([...usbfs.pending[0]!.buffer.subarray(0, 8)], [0x80, 6, 0, 1, 9, 4, 18, 0]);
  usbfs.complete(0, [18, 1, 0, 2]);
  assert.deepEqual(await done, { status: "ok", bytes: 4, errno: 0 });
  assert.deepEqual([...data.subarray(0, 5)], [18, 1, 0, 2, 0]);
});

test("a control OUT transfer carries its data behind the setup packet", async () => {
  const { usbfs, transport } = open();
  const setup = { requestType: 0x21, request: 0xff, value: 0, index: 0 };
  const done = transport.control(setup, Uint8Array.of(7, 8));
  assert.deepEqual([...usbfs.pending[0]!.buffer], [0x21, 0xff, 0, 0, 0, 0, 2, 0, 7, 8]);
  usbfs.complete(0, 2);
  assert.equal((await done).status, "ok");
});

test("a control transfer beyond 65535 bytes is EINVAL and never submitted", async () => {
  const { usbfs, transport } = open();
  const setup = { requestType: 0x80, request: 6, value: 0, index: 0 };
  assert.deepEqual(await transport.control(setup, new Uint8Array(65536)), {
    status: "error",
    bytes: 0,
    errno: 22,
  });
  assert.equal(usbfs.submitted.length, 0);
});

test("a stall keeps the bytes that came before it", async () => {
  const { usbfs, transport } = open();
  const done = transport.transfer("bulk", 0x81, new Uint8Array(1024));
  usbfs.complete(-EPIPE, 512);
  assert.deepEqual(await done, { status: "stall", bytes: 512, errno: EPIPE });
});

test("a bus error is an error with its errno", async () => {
  const { usbfs, transport } = open();
  const done = transport.transfer("interrupt", 0x83, new Uint8Array(8));
  assert.equal(usbfs.pending[0]?.type, 1);
  usbfs.complete(-EPROTO, 0);
  assert.deepEqual(await done, { status: "error", bytes: 0, errno: EPROTO });
});

test("a transfer without data is one empty URB", async () => {
  const { usbfs, transport } = open();
  const done = transport.transfer("bulk", 0x02, new Uint8Array(0));
  assert.equal(usbfs.pending[0]?.buffer.length, 0);
  usbfs.complete(0, 0);
  assert.deepEqual(await done, { status: "ok", bytes: 0, errno: 0 });
});

test("several transfers of one endpoint are in the kernel's hands at once, in order", async () => {
  const { usbfs, transport } = open();
  const done = [1, 2, 3].map((length) => transport.transfer("bulk", 0x81, new Uint8Array(length)));
  assert.deepEqual(
    usbfs.pending.map(({ buffer }) => buffer.length),
    [1, 2, 3],
  );
  for (const length of [1, 2, 3]) usbfs.complete(0, length);
  assert.deepEqual(
    (await Promise.all(done)).map(({ bytes }) => bytes),
    [1, 2, 3],
  );
});

test("3 MiB with scatter-gather go as three URBs, one after the other", async () => {
  const { usbfs, transport } = open();
  const done = transport.transfer("bulk", 0x02, new Uint8Array(3 * MIB));
  for (const _ of [1, 2, 3]) {
    assert.deepEqual(
      usbfs.pending.map(({ buffer, flags }) => [buffer.length, flags]),
      [[MIB, 0]],
    );
    usbfs.complete(0, MIB);
  }
  assert.deepEqual(await done, { status: "ok", bytes: 3 * MIB, errno: 0 });
});

test("40 KiB IN with bulk continuation are queued as three URBs that stop at a short packet", async () => {
  const { usbfs, transport } = open(CONTINUATION);
  const done = transport.transfer("bulk", 0x81, new Uint8Array(40 * KIB));
  assert.deepEqual(
    usbfs.pending.map(({ buffer, flags }) => [buffer.length, flags]),
    [
      [16 * KIB, 1],
      [16 * KIB, 5],
      [8 * KIB, 4],
    ],
  );
  usbfs.completeQuietly(-EREMOTEIO, 100);
  usbfs.completeQuietly(-104, 0);
  usbfs.complete(-104, 0);
  assert.deepEqual(await done, { status: "ok", bytes: 100, errno: 0 });
});

test("40 KiB OUT with bulk continuation never ask for SHORT_NOT_OK", () => {
  const { usbfs, transport } = open(CONTINUATION);
  transport.transfer("bulk", 0x02, new Uint8Array(40 * KIB));
  assert.deepEqual(
    usbfs.pending.map(({ flags }) => flags),
    [0, 4, 4],
  );
});

test("a short URB without bulk continuation ends its transfer before the next one of the endpoint starts", async () => {
  const { usbfs, transport } = open(0);
  const first = transport.transfer("bulk", 0x81, new Uint8Array(64 * KIB));
  const second = transport.transfer("bulk", 0x81, new Uint8Array(13));
  assert.equal(usbfs.pending.length, 1);
  usbfs.complete(0, 16 * KIB);
  usbfs.complete(0, 512);
  assert.deepEqual(await first, { status: "ok", bytes: 16 * KIB + 512, errno: 0 });
  assert.equal(usbfs.pending[0]?.buffer.length, 13);
  usbfs.complete(0, 13);
  assert.equal((await second).bytes, 13);
});

test("data behind a short URB is an overflow, not data", async () => {
  const { usbfs, transport } = open(CONTINUATION);
  const done = transport.transfer("bulk", 0x81, new Uint8Array(32 * KIB));
  usbfs.complete(-EREMOTEIO, 512);
  usbfs.complete(0, 13);
  assert.deepEqual(await done, { status: "overflow", bytes: 512, errno: 75 });
});

test("a continuation that the kernel refuses ends the transfer as its first URB did", async () => {
  const { usbfs, transport } = open(CONTINUATION);
  usbfs.submitAnswers.push(0, -EREMOTEIO);
  const done = transport.transfer("bulk", 0x81, new Uint8Array(32 * KIB));
  usbfs.complete(-EPIPE, 1024);
  assert.deepEqual(await done, { status: "stall", bytes: 1024, errno: EPIPE });
});

test("without usbfs memory a transfer waits for URBs of our own", async () => {
  const { usbfs, transport } = open();
  const first = transport.transfer("bulk", 0x81, new Uint8Array(10));
  usbfs.submitAnswers.push(-ENOMEM);
  const second = transport.transfer("bulk", 0x02, new Uint8Array(20));
  assert.equal(usbfs.pending.length, 1);
  usbfs.complete(0, 10);
  assert.equal(usbfs.pending[0]?.endpoint, 0x02);
  usbfs.complete(0, 20);
  assert.deepEqual([(await first).status, (await second).status], ["ok", "ok"]);
});

test("without usbfs memory and nothing in flight the transfer fails with ENOMEM", async () => {
  const { usbfs, transport } = open();
  usbfs.submitAnswers.push(-ENOMEM);
  const done = transport.transfer("bulk", 0x81, new Uint8Array(10));
  assert.deepEqual(await done, { status: "error", bytes: 0, errno: ENOMEM });
});

test("an abort discards the URB and settles once it is reaped", async () => {
  const { usbfs, transport } = open();
  const abort = new AbortController();
  const done = transport.transfer("bulk", 0x81, new Uint8Array(10), abort.signal);
  abort.abort();
  assert.deepEqual(await done, { status: "cancelled", bytes: 0, errno: ENOENT });
  assert.equal(usbfs.pending.length, 0);
});

test("an abort before the call submits nothing", async () => {
  const { usbfs, transport } = open();
  const done = transport.transfer("bulk", 0x81, new Uint8Array(10), AbortSignal.abort());
  assert.equal((await done).status, "cancelled");
  assert.equal(usbfs.submitted.length, 0);
});

test("an abort that comes too late reports what the transfer did", async () => {
  const { usbfs, transport } = open();
  const abort = new AbortController();
  const done = transport.transfer("bulk", 0x81, new Uint8Array(10), abort.signal);
  usbfs.completeQuietly(0, 10);
  abort.abort();
  assert.deepEqual(await done, { status: "ok", bytes: 10, errno: 0 });
});

test("an abort between two URBs of a transfer keeps the bytes of the first", async () => {
  const { usbfs, transport } = open();
  const abort = new AbortController();
  const done = transport.transfer("bulk", 0x02, new Uint8Array(2 * MIB), abort.signal);
  usbfs.complete(0, MIB);
  abort.abort();
  assert.deepEqual(await done, { status: "cancelled", bytes: MIB, errno: ENOENT });
});

test("an aborted transfer that waits behind another is never submitted", async () => {
  const { usbfs, transport } = open(0);
  const abort = new AbortController();
  transport.transfer("bulk", 0x02, new Uint8Array(64 * KIB));
  const waiting = transport.transfer("bulk", 0x02, new Uint8Array(10), abort.signal);
  abort.abort();
  assert.equal((await waiting).status, "cancelled");
  assert.equal(usbfs.submitted.length, 1);
});

test("unplugging ends everything in flight as gone, though the kernel calls it cancelled", async () => {
  const { usbfs, transport } = open();
  const done = [
    transport.transfer("bulk", 0x81, new Uint8Array(10)),
    transport.transfer("bulk", 0x02, new Uint8Array(2 * MIB)),
    transport.control({ requestType: 0x80, request: 6, value: 0x100, index: 0 }, new Uint8Array(18)),
  ];
  usbfs.unplug();
  await transport.gone;
  assert.deepEqual(
    (await Promise.all(done)).map(({ status, errno }) => [status, errno]),
    [
      ["gone", 19],
      ["gone", 19],
      ["gone", 19],
    ],
  );
  assert.equal(usbfs.closed, true);
  assert.equal((await transport.transfer("bulk", 0x81, new Uint8Array(1))).status, "gone");
  assert.equal((await transport.clearHalt(0x81)).status, "gone");
});

test("URBs that the kernel unlinks while the device is there are cancelled, not gone", async () => {
  const { usbfs, transport } = open();
  const done = transport.transfer("bulk", 0x81, new Uint8Array(10));
  usbfs.complete(-ENOENT, 0); // as for USBDEVFS_SETINTERFACE and USBDEVFS_RELEASEINTERFACE
  assert.deepEqual(await done, { status: "cancelled", bytes: 0, errno: ENOENT });
});

test("a transfer that was aborted before the device went away is cancelled", async () => {
  const { usbfs, transport } = open();
  const abort = new AbortController();
  const done = transport.transfer("bulk", 0x81, new Uint8Array(10), abort.signal);
  usbfs.connected = false;
  abort.abort();
  assert.equal((await done).status, "cancelled");
  await transport.gone;
});

test("an interface that another driver has got by a reset of the bus is as good as gone, and so is all that is in flight", async () => {
  const { usbfs, transport } = open();
  const before = transport.transfer("bulk", 0x81, new Uint8Array(512));
  usbfs.submitAnswers.push(-EBUSY);
  const after = transport.transfer("bulk", 0x02, new Uint8Array(512));
  await transport.gone;
  assert.deepEqual(
    [await before, await after].map(({ status }) => status),
    ["gone", "gone"],
  );
  assert.ok(usbfs.closed);
});

test("a submission to a device that went away unnoticed resolves gone", async () => {
  const { usbfs, transport } = open();
  usbfs.connected = false;
  assert.equal((await transport.transfer("bulk", 0x81, new Uint8Array(1))).status, "gone");
  await transport.gone;
});

test("an ioctl on a device that went away unnoticed resolves gone", async () => {
  const { usbfs, transport } = open();
  usbfs.connected = false;
  assert.equal((await transport.setInterface(0, 1)).status, "gone");
  await transport.gone;
});

test("reset cancels what is in flight, releases, resets, claims and checks the owner", async () => {
  const { usbfs, transport } = open(SCATTER_GATHER, [0, 2]);
  const pending = transport.transfer("bulk", 0x81, new Uint8Array(10));
  assert.deepEqual(await transport.reset(), { status: "ok", bytes: 0, errno: 0 });
  assert.equal((await pending).status, "cancelled");
  assert.deepEqual(
    usbfs.ioctls.map(({ request }) => request),
    [
      USBDEVFS_RELEASEINTERFACE,
      USBDEVFS_RELEASEINTERFACE,
      USBDEVFS_RESET,
      USBDEVFS_CLAIMINTERFACE,
      USBDEVFS_GETDRIVER,
      USBDEVFS_CLAIMINTERFACE,
      USBDEVFS_GETDRIVER,
    ],
  );
});

test("a reset after which a kernel driver holds the interface is EBUSY", async () => {
  const { usbfs, transport } = open();
  usbfs.ioctlAnswers.set(USBDEVFS_CLAIMINTERFACE, -EBUSY);
  assert.deepEqual(await transport.reset(), { status: "error", bytes: 0, errno: EBUSY });
});

test("an interface that a kernel driver holds although the claim succeeded is EBUSY", async () => {
  const { usbfs, transport } = open();
  usbfs.ioctlAnswers.set(USBDEVFS_CLAIMINTERFACE, 0);
  usbfs.drivers.set(0, "usb-storage");
  assert.deepEqual(await transport.claim(0), { status: "error", bytes: 0, errno: EBUSY });
});

test("clear halt and set interface carry their arguments", async () => {
  const { usbfs, transport } = open();
  await transport.clearHalt(0x81);
  await transport.setInterface(1, 2);
  assert.deepEqual(usbfs.ioctls, [
    { request: USBDEVFS_CLEAR_HALT, argument: Uint8Array.of(0x81, 0, 0, 0) },
    { request: USBDEVFS_SETINTERFACE, argument: Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0) },
  ]);
});

test("an isochronous transfer tells of each packet", async () => {
  const { usbfs, transport } = open();
  const done = transport.isochronous(0x81, new Uint8Array(20), Uint32Array.of(10, 10));
  usbfs.complete(0, 4, [4, 0, 0, -18]);
  assert.deepEqual(await done, {
    status: "ok",
    bytes: 4,
    errno: 0,
    packets: [
      { bytes: 4, status: "ok" },
      { bytes: 0, status: "error" },
    ],
  });
});

test("isochronous packets that do not fit the data are EINVAL", async () => {
  const { transport } = open();
  assert.equal((await transport.isochronous(0x81, new Uint8Array(19), Uint32Array.of(10, 10))).errno, 22);
  assert.equal((await transport.isochronous(0x81, new Uint8Array(19), new Uint32Array(129))).errno, 22);
});

test("close cancels what is in flight and closes the descriptor", async () => {
  const { usbfs, transport } = open();
  const pending = transport.transfer("bulk", 0x81, new Uint8Array(10));
  await transport.close();
  assert.equal((await pending).status, "cancelled");
  assert.equal(usbfs.closed, true);
});

test("whatever the order of completions, aborts and shortages, each transfer settles once with its own bytes", async () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("submit" as const),
      endpoint: fc.constantFrom(0x81, 0x02),
      bytes: fc.nat(50 * KIB),
    }),
    fc.record({
      kind: fc.constant("complete" as const),
      status: fc.constantFrom(0, 0, 0, -EPIPE, -EPROTO),
      part: fc.nat(100),
    }),
    fc.record({ kind: fc.constant("abort" as const), index: fc.nat(20) }),
    fc.record({ kind: fc.constant("shortage" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, CONTINUATION, SCATTER_GATHER, CONTINUATION | SCATTER_GATHER),
      fc.array(step, { maxLength: 60 }),
      async (capabilities, steps) => {
        const { usbfs, transport } = open(capabilities);
        const running: { abort: AbortController; length: number; done: Promise<Outcome> }[] = [];
        const run = {
          submit: ({ endpoint, bytes }: { endpoint: number; bytes: number }) => {
            const abort = new AbortController();
            const done = transport.transfer("bulk", endpoint, new Uint8Array(bytes), abort.signal);
            running.push({ abort, length: bytes, done });
          },
          complete: ({ status, part }: { status: number; part: number }) => {
            const oldest = usbfs.pending[0];
            if (oldest) usbfs.complete(status, Math.floor((oldest.buffer.length * part) / 100));
          },
          abort: ({ index }: { index: number }) => running[index]?.abort.abort(),
          shortage: () => usbfs.submitAnswers.push(-ENOMEM),
        };
        for (const one of steps) (run[one.kind] as (of: typeof one) => void)(one);
        usbfs.unplug();
        const outcomes = await Promise.all(running.map(({ done }) => done));
        outcomes.forEach(({ bytes }, index) => {
          assert(bytes <= running[index]!.length);
        });
        assert.equal(usbfs.pending.length, 0);
      },
    ),
  );
});
