// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DEVICE_MEMORY_BYTES,
  DeviceMemory,
  HostDeviceMemory,
  RECORDER_OFFSET,
} from "@ring3/channel/device-memory";
import { block } from "@ring3/classes/block/contract";
import { IN_FLIGHT_MAX, inFlight as shape } from "@ring3/control/observation";
import { manualClock } from "@ring3/core/clock";
import { duplicate } from "@ring3/kernel/fd/descriptor";
import { mapFixed } from "@ring3/kernel/shm/memory";
import fc from "fast-check";
import type { Claims } from "./claims.ts";
import type { Device } from "./device.ts";
import { chosenDriver } from "./fake-host.fixture.ts";
import { inFlight } from "./in-flight.ts";

const { read, write } = block.operations;

function setUp() {
  const clock = manualClock();
  const memory = new DeviceMemory();
  const { recorder } = new HostDeviceMemory(duplicate(memory.fd), 0, clock);
  const device = {
    id: "usb-1-4:1.0",
    driver: chosenDriver(),
    channelHost: {},
    recordedNow: (nowMs: number) => memory.recordedNow(nowMs),
  } as unknown as Device;
  const channels = [
    { hostChannel: 5, claimant: { name: "the block reflector" } },
    { hostChannel: 6, claimant: { name: "process \u001b[31m8" } },
  ];
  const claims = { channelsOf: () => channels } as unknown as Claims;
  const told = (of = device) => inFlight(of, claims, clock);
  return { clock, memory, recorder, device, told };
}

test("what is not answered is told with operation, client, age and bytes, the oldest first", () => {
  const { clock, recorder, told } = setUp();
  recorder.request(5, 1, read.nr, 4096);
  clock.advance(10);
  recorder.request(5, 2, read.nr, 512);
  recorder.answer(5, 2, 0);
  recorder.request(6, 1, write.nr, 1024);
  clock.advance(25);
  assert.deepEqual(told(), [
    { operation: "read", client: "the block reflector", ageMs: 35, bytes: 4096 },
    { operation: "write", client: "process [31m8", ageMs: 25, bytes: 1024 },
  ]);
});

test("where no driver has a channel nothing is in anybody's hand, whatever the dead one had", () => {
  const { recorder, device, told } = setUp();
  recorder.request(5, 1, read.nr, 4096);
  assert.equal(told().length, 1);
  assert.deepEqual(
    told({ ...device, channelHost: undefined, recordedNow: device.recordedNow } as Device),
    [],
  );
});

test("what cannot be is left out: a channel that nobody has, an operation, a slot and bytes that there are not", () => {
  const { recorder, told } = setUp();
  recorder.request(7, 1, read.nr, 0);
  recorder.request(5, 1, 9999, 0);
  recorder.request(5, block.slots, read.nr, 0);
  recorder.request(5, 2, read.nr, block.slotBytes + 1);
  assert.deepEqual(told(), []);
});

test("no more than 32 are told", () => {
  const { recorder, told } = setUp();
  for (let slot = 0; slot < block.slots; slot++) recorder.request(5, slot, read.nr, 0);
  assert.ok(block.slots > IN_FLIGHT_MAX);
  assert.equal(told().length, IN_FLIGHT_MAX);
});

test("whatever a driver writes there, what is told has its shape", () => {
  const { memory, recorder, told, clock } = setUp();
  const words = new Uint32Array(mapFixed(memory.fd, DEVICE_MEMORY_BYTES).buffer, RECORDER_OFFSET);
  recorder.request(5, 1, read.nr, 4096);
  clock.advance(5);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(60), fc.oneof(fc.nat(9), fc.nat(0xffff_ffff))), { maxLength: 40 }),
      (writes) => {
        for (const [at, value] of writes) words[at] = value;
        const { issues } = shape["~standard"].validate({ device: "usb-1-4:1.0", requests: told() }) as {
          issues?: unknown;
        };
        assert.equal(issues, undefined);
      },
    ),
  );
});
