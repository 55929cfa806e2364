// Runs in: tests. Owns: a disk in memory behind an endpoint, and the kernel's NBD client, which is played here: its end of each connection.
import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import type { KernelDisk } from "@ring3/kernel/disk/kernel-disk";
import { encodeRequest, SIMPLE_REPLY_BYTES } from "@ring3/kernel/nbd/transmission";
import { socketPair } from "@ring3/kernel/socket/unix";
import type { Geometry } from "./contract.ts";
import { type NbdDeviceOptions, startNbdDevice } from "./endpoint-nbd-device.ts";
import { memoryDisk } from "./memory-disk.fixture.ts";

const [READ, WRITE, FLUSH] = [0, 1, 3]; // proto.md, "Request types"
const FUA = 1;
const NBD_EIO = 5;

/** Sockets take turns of the loop. */
const settled = async () => {
  for (let times = 0; times < 20; times++) await new Promise((resolve) => setImmediate(resolve));
};

function published(change: Partial<NbdDeviceOptions> = {}) {
  const disk = memoryDisk();
  const clock = manualClock();
  const told: (string | null)[] = [];
  const log: string[] = [];
  const kernel = { disks: [] as KernelDisk[], sockets: [] as Socket[], withdrawn: 0 };
  const endpoint = startNbdDevice({
    geometry: () => disk.geometry,
    open: async () => disk.port,
    async publish(_, made) {
      const [theirs, ours] = socketPair();
      kernel.disks.push(made);
      kernel.sockets.push(new Socket({ fd: theirs.take(), readable: true, writable: true }));
      return ours;
    },
    begin: async () => "/dev/nbd16",
    async withdraw() {
      kernel.withdrawn++;
      kernel.sockets.at(-1)!.destroy();
    },
    announce: (node) => void told.push(node),
    clock,
    log: createLog("test", ({ message }) => void log.push(message), clock),
    ...change,
  });
  let cookieLow = 0;
  /** Over the latest connection, while nothing else is under way. */
  const ask = async (type: number, offset: number, length: number, flags = 0, payload?: Uint8Array) => {
    const socket = kernel.sockets.at(-1)!;
    const bytes = SIMPLE_REPLY_BYTES + (type === READ ? length : 0);
    socket.write(encodeRequest({ type, flags, offset, length, cookieHigh: 0, cookieLow: ++cookieLow }));
    if (payload !== undefined) socket.write(payload);
    let reply = Buffer.alloc(0);
    while (reply.length < bytes) {
      const more: Buffer = await new Promise((resolve) => socket.once("data", resolve));
      reply = Buffer.concat([reply, more]);
      if (reply.length >= 8 && reply.readUInt32BE(4) !== 0) break;
    }
    assert.deepEqual([reply.readUInt32BE(0), reply.readUInt32BE(12)], [0x67446698, cookieLow]);
    return { error: reply.readUInt32BE(4), data: reply.subarray(SIMPLE_REPLY_BYTES) };
  };
  return { disk, clock, told, log, kernel, endpoint, ask };
}

test("the kernel's requests reach the disk, without any negotiation, and are answered with simple replies", async () => {
  const { disk, told, kernel, endpoint, ask } = published();
  await settled();
  assert.deepEqual([told, endpoint.node], [["/dev/nbd16"], "/dev/nbd16"]);
  assert.equal(kernel.disks[0]!.bytes, disk.bytes.length);
  const bytes = new Uint8Array(4096).fill(7);
  assert.equal((await ask(WRITE, 8192, 4096, FUA, bytes)).error, 0);
  assert.ok(disk.bytes.subarray(8192, 12_288).every((byte) => byte === 7));
  assert.deepEqual(new Uint8Array((await ask(READ, 8192, 4096)).data), bytes);
  assert.equal((await ask(FLUSH, 0, 0)).error, 0);
  assert.deepEqual(
    disk.seen.map(({ name }) => name),
    ["write", "read", "flush"],
  );
  disk.fault = () => "medium";
  assert.equal((await ask(READ, 0, 512)).error, NBD_EIO);
  disk.fault = () => undefined;
  assert.equal(disk.freeSlots(), 8);
  await endpoint.close();
});

test("a connection that ends gets another after a second, of the same disk; nothing is withdrawn", async () => {
  const { disk, clock, told, kernel, endpoint, ask } = published();
  await settled();
  kernel.sockets[0]!.destroy();
  await settled();
  assert.equal(kernel.sockets.length, 1);
  clock.advance(1000);
  await settled();
  assert.deepEqual([kernel.sockets.length, kernel.withdrawn, told], [2, 0, ["/dev/nbd16"]]);
  assert.equal((await ask(READ, 0, 512)).error, 0);
  assert.equal(disk.closed, 0);
  await endpoint.close();
  assert.deepEqual([kernel.withdrawn, disk.closed, told.at(-1)], [1, 1, null]);
});

test("what a connection that ended had under way is over before there is another: no two writes of one place at a time", async () => {
  const { disk, clock, kernel, endpoint } = published();
  await settled();
  const gate = Promise.withResolvers<void>();
  disk.gate = () => gate.promise;
  const request = { type: WRITE, flags: 0, offset: 0, length: 512, cookieHigh: 0, cookieLow: 1 };
  kernel.sockets[0]!.write(encodeRequest(request));
  kernel.sockets[0]!.write(new Uint8Array(512));
  await settled();
  kernel.sockets[0]!.destroy();
  for (let times = 0; times < 3; times++) {
    await settled();
    clock.advance(1000);
  }
  assert.equal(kernel.sockets.length, 1);
  gate.resolve();
  await settled();
  clock.advance(1000);
  await settled();
  assert.equal(kernel.sockets.length, 2);
  await endpoint.close();
});

test("retired while a connection is being waited for: it is withdrawn, and the next medium is another disk", async () => {
  let geometry: Geometry | undefined;
  const { disk, clock, kernel, endpoint } = published({ geometry: () => geometry });
  geometry = disk.geometry;
  endpoint.changed();
  await settled();
  kernel.sockets[0]!.destroy();
  await settled();
  geometry = undefined;
  endpoint.retire("the medium was changed");
  await settled();
  clock.advance(1000);
  await settled();
  assert.equal(kernel.withdrawn, 1);
  geometry = disk.geometry;
  endpoint.changed();
  await settled();
  assert.equal(endpoint.node, "/dev/nbd16");
  await endpoint.close();
});

test("a disk that the kernel cannot have is told of once, with what helps, and tried again with another medium", async () => {
  let tries = 0;
  const { clock, log, endpoint } = published({
    async publish() {
      tries++;
      throw new DeviceError("unsupported", "a disk of the kernel's with sectors of 8192 bytes");
    },
  });
  await settled();
  clock.advance(60_000);
  await settled();
  assert.equal(tries, 1);
  assert.match(log.join(), /8192 bytes: not supported; with "endpoints: \{block: nbd\}" in ring3.yaml/);
  endpoint.changed();
  await settled();
  assert.equal(tries, 2);
  await endpoint.close();
});

test("a medium that comes while one that the kernel cannot have is let go of is a disk, with nobody changing anything more", async () => {
  const disk = memoryDisk();
  const gate = Promise.withResolvers<void>();
  const closing = Promise.withResolvers<void>();
  const [theirs, ours] = socketPair();
  let tries = 0;
  const { endpoint } = published({
    open: async () => ({
      ...disk.port,
      async close() {
        closing.resolve();
        await gate.promise;
      },
    }),
    async publish() {
      if (++tries === 1)
        throw new DeviceError("unsupported", "a disk of the kernel's with sectors of 8192 bytes");
      return ours;
    },
    withdraw: async () => theirs.close(),
  });
  await closing.promise;
  endpoint.changed();
  gate.resolve();
  await settled();
  assert.deepEqual([tries, endpoint.node], [2, "/dev/nbd16"]);
  await endpoint.close();
});
