// Runs in: tests. Owns: a disk that the kernel's block layer cannot have, and nobody who serves it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Block, block } from "@ring3/classes/block/contract";
import { type MemoryDiskOptions, memoryDisk } from "@ring3/classes/block/memory-disk.fixture";
import type { UnitInfo } from "@ring3/control/client-edge";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import { requireFit } from "@ring3/kernel/disk/kernel-disk";
import type { EndpointParts } from "./classes.ts";
import { reflectedClasses } from "./classes.ts";

/** As a ring3.yaml has it that names the kernel's disks (`only`), or leaves the choice. */
function started(only: boolean, options: MemoryDiskOptions) {
  const disk = memoryDisk(options);
  const clock = manualClock();
  const log: string[] = [];
  const parts: EndpointParts<Block> = {
    info: () => ({ unit: "u#0", alias: null, name: "", properties: disk.geometry }) as unknown as UnitInfo,
    open: async () => disk.port,
    async listen() {
      throw new DeviceError("cancelled", "a socket was asked for");
    },
    kernelDisk: {
      kind: "nbd-device",
      only,
      async publish(_, made) {
        requireFit(made); // as the manager does
        return new Promise(() => {});
      },
      begin: async () => "/dev/nbd16",
      async withdraw() {},
    },
    inputNodes: undefined,
    mapping: () => undefined,
    profile: { last: async () => null, tell() {} },
    announce() {},
    clock,
    log: createLog("test", ({ level, message }) => void log.push(`${level}: ${message}`), clock),
  };
  const endpoints = reflectedClasses[block.name]!.startEndpoints(parts as never);
  return { endpoints, log };
}

const large = { sectorBytes: 8192, sectors: 64 };

test("a disk that the kernel can have is one of the kernel's, whether or not that was asked for", async () => {
  for (const only of [true, false]) {
    const [endpoint] = await started(only, {}).endpoints;
    assert.equal(endpoint!.kind, "nbd-device");
  }
});

test("a disk that the kernel cannot have is met by NBD where the choice was left, and the log says so", async () => {
  const { endpoints, log } = started(false, large);
  await assert.rejects(endpoints, /a socket was asked for/);
  assert.match(log.join(), /^warn: met by NBD instead: a disk of the kernel's with sectors of 8192 bytes/);
});

test("a disk that the kernel cannot have has no other endpoint where the kernel's were asked for; the log says what helps", async () => {
  const { endpoints, log } = started(true, large);
  const [endpoint, ...others] = await endpoints;
  await new Promise(setImmediate);
  assert.deepEqual([endpoint!.kind, endpoint!.address, others], ["nbd-device", null, []]);
  assert.match(
    log.join(),
    /^error: a disk of the kernel's with sectors of 8192 .* "endpoints: \{block: nbd\}"/,
  );
});
