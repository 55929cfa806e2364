// Runs in: tests. Owns: a disk in memory behind an endpoint, and a kernel that is played here: it makes disks, and asks for what is in `requests`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError, errnoOf } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import type { KernelDisk } from "@ring3/kernel/disk/kernel-disk";
import {
  UBLK_IO_F_FUA,
  UBLK_IO_OP_DISCARD,
  UBLK_IO_OP_FLUSH,
  UBLK_IO_OP_READ,
  UBLK_IO_OP_WRITE,
  UBLK_IO_OP_WRITE_ZEROES,
} from "@ring3/kernel/ublk/constants";
import type { UblkDisk, UblkRequest } from "@ring3/kernel/ublk/server";
import type { Geometry } from "./contract.ts";
import { startUblkEndpoint, type UblkEndpointOptions } from "./endpoint-ublk.ts";
import { memoryDisk } from "./memory-disk.fixture.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

function published(change: Partial<UblkEndpointOptions> = {}) {
  const disk = memoryDisk();
  const clock = manualClock();
  const told: (string | null)[] = [];
  const log: string[] = [];
  const kernel = {
    disks: [] as KernelDisk[],
    withdrawn: 0,
    serve: (_: UblkRequest) => {},
    gone: () => {},
  };
  const endpoint = startUblkEndpoint({
    geometry: () => disk.geometry,
    open: async () => disk.port,
    async publish(_, made, serve) {
      kernel.disks.push(made);
      kernel.serve = serve;
      const gone = new Promise<void>((resolve) => {
        kernel.gone = resolve;
      });
      return { gone } as UblkDisk;
    },
    begin: async () => `/dev/ublkb${kernel.disks.length - 1}`,
    async withdraw() {
      kernel.withdrawn++;
      kernel.gone();
    },
    announce: (node) => void told.push(node),
    clock,
    log: createLog("test", ({ message }) => void log.push(message), clock),
    ...change,
  });
  /** Resolves with the result. */
  const ask = (operation: number, offset: number, bytes: Uint8Array, flags = 0): Promise<number> =>
    new Promise((answer) =>
      kernel.serve({
        operation,
        flags,
        offset,
        length: bytes.length,
        give: (found) => bytes.set(found),
        take: (into) => into.set(bytes),
        answer,
      }),
    );
  return { disk, clock, told, log, kernel, endpoint, ask };
}

test("the kernel's requests reach the disk, and their bytes lie where they belong", async () => {
  const { disk, told, kernel, endpoint, ask } = published();
  await settled();
  assert.deepEqual([told, endpoint.node], [["/dev/ublkb0"], "/dev/ublkb0"]);
  assert.equal(kernel.disks[0]!.bytes, disk.bytes.length);
  const bytes = new Uint8Array(4096).fill(7);
  assert.equal(await ask(UBLK_IO_OP_WRITE, 8192, bytes, UBLK_IO_F_FUA), 4096);
  assert.ok(disk.bytes.subarray(8192, 12_288).every((byte) => byte === 7));
  const read = new Uint8Array(4096);
  assert.equal(await ask(UBLK_IO_OP_READ, 8192, read), 4096);
  assert.deepEqual(read, bytes);
  assert.equal(await ask(UBLK_IO_OP_WRITE_ZEROES, 8192, bytes), 4096);
  assert.ok((await ask(UBLK_IO_OP_DISCARD, 0, bytes)) >= 0);
  assert.equal(await ask(UBLK_IO_OP_FLUSH, 0, new Uint8Array(0)), 0);
  assert.deepEqual(
    disk.seen.map(({ name }) => name),
    ["write", "read", "writeZeroes", "discard", "flush"],
  );
  assert.equal((disk.seen[0]!.input as { fua: number }).fua, 1);
  assert.equal(disk.freeSlots(), 8);
  await endpoint.close();
});

test("what the disk refuses is an errno, what nobody knows is unsupported, and no slot is lost", async () => {
  const { disk, endpoint, ask } = published();
  await settled();
  disk.fault = () => "medium";
  const bytes = new Uint8Array(512);
  assert.equal(await ask(UBLK_IO_OP_READ, 0, bytes), -errnoOf("medium"));
  assert.equal(await ask(15, 0, bytes), -errnoOf("unsupported"));
  assert.equal(disk.freeSlots(), 8);
  await endpoint.close();
});

test("bytes that the kernel does not take, or give, fail their request alone", async () => {
  const { disk, kernel, log, endpoint } = published();
  await settled();
  const refuse = () => {
    throw new DeviceError("io", "move");
  };
  const request = { flags: 0, offset: 0, length: 512, give: refuse, take: refuse };
  for (const operation of [UBLK_IO_OP_READ, UBLK_IO_OP_WRITE])
    assert.equal(
      await new Promise((answer) => kernel.serve({ ...request, operation, answer })),
      -errnoOf("io"),
    );
  assert.equal(log.length, 2);
  assert.equal(disk.freeSlots(), 8);
  await endpoint.close();
});

test("without a medium there is no disk; with the next one there is", async () => {
  let geometry: Geometry | undefined;
  const { disk, told, kernel, endpoint } = published({ geometry: () => geometry });
  await settled();
  assert.deepEqual([kernel.disks.length, told], [0, []]);
  geometry = disk.geometry;
  endpoint.changed();
  await settled();
  assert.deepEqual(told, ["/dev/ublkb0"]);
  geometry = undefined;
  endpoint.retire("the medium was changed");
  await settled();
  assert.deepEqual([told, kernel.withdrawn, disk.closed], [["/dev/ublkb0", null], 1, 1]);
  geometry = disk.geometry;
  endpoint.changed();
  await settled();
  assert.equal(endpoint.node, "/dev/ublkb1");
  await endpoint.close();
});

test("where another has the disk it is tried again, ever more rarely, and the log says why", async () => {
  const disk = memoryDisk();
  let tries = 0;
  const { clock, log, endpoint } = published({
    async open() {
      if (++tries < 3) throw new DeviceError("busy", "open the disk");
      return disk.port;
    },
  });
  await settled();
  assert.match(log[0]!, /no disk of the kernel's for now: open the disk: in use/);
  clock.advance(999);
  await settled();
  assert.equal(tries, 1);
  clock.advance(1);
  await settled();
  assert.equal(tries, 2);
  clock.advance(1999);
  await settled();
  assert.equal(tries, 2);
  clock.advance(1);
  await settled();
  assert.equal(endpoint.node, "/dev/ublkb0");
  await endpoint.close();
});

test("closed: what was written is flushed, the kernel's disk withdrawn, the port closed", async () => {
  const { disk, kernel, endpoint, ask } = published();
  await settled();
  await ask(UBLK_IO_OP_WRITE, 0, new Uint8Array(512));
  await endpoint.close();
  assert.equal(disk.seen.at(-1)!.name, "flush");
  assert.deepEqual([kernel.withdrawn, disk.closed, endpoint.node], [1, 1, null]);
});
