// Runs in: tests. Owns: where the bytes of transfers over usbfs lie, and how much of a long one is with the kernel at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  USBDEVFS_CAP_BULK_CONTINUATION as CONTINUATION,
  USBDEVFS_CAP_MMAP as MMAP,
  USBDEVFS_CAP_BULK_SCATTER_GATHER as SCATTER_GATHER,
} from "./constants.ts";
import { ScriptedUsbfs } from "./scripted-usbfs.fixture.ts";
import { UsbfsTransport } from "./transport.ts";

const [ENOMEM, EPROTO, ECONNRESET] = [12, 71, 104];
const MIB = 1 << 20;

function open(capabilities: number) {
  const usbfs = new ScriptedUsbfs(capabilities);
  return { usbfs, transport: new UsbfsTransport(usbfs, [0]) };
}

for (const endpoint of [0x81, 0x02])
  test(`endpoint 0x${endpoint.toString(16)}: each URB of a transfer lies where its bytes lie in the slot`, () => {
    const { usbfs, transport } = open(SCATTER_GATHER | CONTINUATION);
    const slots = new ArrayBuffer(4 * MIB);
    void transport.transfer("bulk", endpoint, new Uint8Array(slots, MIB, 2.5 * MIB));
    assert.deepEqual(
      usbfs.pending.map(({ buffer }) => [buffer.buffer === slots, buffer.byteOffset, buffer.length]),
      [
        [true, MIB, MIB],
        [true, 2 * MIB, MIB],
        [true, 3 * MIB, MIB / 2],
      ],
    );
  });

test("of 10 MiB 4 are in flight, and each URB that comes back makes room for the next", async () => {
  const { usbfs, transport } = open(SCATTER_GATHER | CONTINUATION);
  const done = transport.transfer("bulk", 0x81, new Uint8Array(10 * MIB));
  for (let left = 10; left > 0; left--) {
    assert.equal(usbfs.pending.length, Math.min(left, 4));
    usbfs.complete(0, MIB);
  }
  assert.deepEqual(await done, { status: "ok", bytes: 10 * MIB, errno: 0 });
  assert.deepEqual(
    usbfs.submitted.map(({ flags }) => flags),
    [1, 5, 5, 5, 5, 5, 5, 5, 5, 4],
  );
});

test("an OUT transfer that fails in the middle says so, whatever the controller has sent behind it", async () => {
  const { usbfs, transport } = open(SCATTER_GATHER | CONTINUATION);
  const done = transport.transfer("bulk", 0x02, new Uint8Array(3 * MIB));
  usbfs.completeQuietly(0, MIB);
  usbfs.completeQuietly(-EPROTO, 1024);
  usbfs.complete(-ECONNRESET, 512);
  assert.deepEqual(await done, { status: "error", bytes: MIB + 1024, errno: EPROTO });
});

test("memory for transfers is the kernel's where it has some, and goes back once", () => {
  const { usbfs, transport } = open(MMAP);
  const { bytes, release } = transport.memory(100);
  assert.equal(bytes.buffer, usbfs.mapped[0]);
  release();
  release();
  assert.deepEqual([usbfs.mapped.length, bytes.length], [0, 0]);
});

test("memory for transfers is the process's own where the kernel has none, or its budget is used up", () => {
  const without = open(0);
  const own = without.transport.memory(100);
  assert.deepEqual([own.bytes.length, without.usbfs.mapped.length], [100, 0]);
  own.release();
  assert.equal(own.bytes.length, 0);
  const short = open(MMAP);
  short.usbfs.mapAnswer = -ENOMEM;
  assert.equal(short.transport.memory(100).bytes.length, 100);
});

test("closing takes the kernel's memory back, since it would keep the device; a device that goes leaves it", async () => {
  const { usbfs, transport } = open(MMAP);
  const { bytes } = transport.memory(100);
  usbfs.unplug();
  await transport.gone;
  assert.deepEqual([usbfs.closed, usbfs.mapped.length, bytes.length], [true, 1, 100]);
  assert.equal(transport.memory(8).bytes.length, 8);
  assert.equal(usbfs.mapped.length, 1);
  await transport.close();
  assert.deepEqual([usbfs.mapped.length, bytes.length], [0, 0]);
});
