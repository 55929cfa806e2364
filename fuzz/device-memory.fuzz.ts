// Runs in: fuzzing.
import assert from "node:assert/strict";
import { manualClock } from "@ring3/core/clock";
import { fnv1a32 } from "@ring3/core/hash";
import { createLog } from "@ring3/core/log";
import type { Json } from "@ring3/sdk";
import { Kept, keptDevice } from "../drivers/usb-storage/kept.ts";
import { DEVICE_MEMORY_BYTES, DeviceMemory, HostDeviceMemory } from "../packages/channel/device-memory.ts";
import { RECORDED_ENTRIES, RECORDER_BYTES } from "../packages/channel/recorder.ts";
import { duplicate } from "../packages/kernel/fd/descriptor.ts";
import { mapFixed } from "../packages/kernel/shm/memory.ts";
import { crashReport } from "../packages/manager/crash-report.ts";
import { crash } from "../packages/manager/fake-host.fixture.ts";
import type { Target } from "./target.ts";

const manager = new DeviceMemory();

function opened(): HostDeviceMemory {
  using own = duplicate(manager.fd);
  return new HostDeviceMemory(own, 1, { now: () => 0 });
}

const host = opened();
const memory = new Uint8Array(mapFixed(manager.fd, DEVICE_MEMORY_BYTES).buffer);
const view = new DataView(memory.buffer);
/** channel/device-memory.ts: two copies of the state, each a head of sequence, length, checksum and version, and a text; then the recorder. */
const STATE = 4096;
const COPY_BYTES = (DEVICE_MEMORY_BYTES - RECORDER_BYTES - STATE) / 2;
const HEAD_BYTES = 16;
const CHECKSUM = 8;
const RECORDER = DEVICE_MEMORY_BYTES - RECORDER_BYTES;
/** In an input: what is done to the checksums, then so much of each copy, then so much of the recorder. */
const COPY_PART = 80;
const RECORDER_PART = 320;
const CHECKSUMS_RIGHT = 1;

function written(...values: unknown[]): Uint8Array[] {
  memory.fill(0);
  for (const value of values) host.writeState(value);
  host.recorder.request(1, 2, 3, 512);
  host.recorder.submit(1, 0x81, 512);
  host.recorder.reap(1, 512, 0);
  host.recorder.log("found a disk");
  host.recorder.answer(1, 2, 0);
  const parts = [
    memory.slice(STATE, STATE + COPY_PART),
    memory.slice(STATE + COPY_BYTES, STATE + COPY_BYTES + COPY_PART),
    memory.slice(RECORDER, RECORDER + RECORDER_PART),
  ];
  return [0, CHECKSUMS_RIGHT].map((flags) => new Uint8Array(Buffer.concat([Uint8Array.of(flags), ...parts])));
}

function place(input: Uint8Array): void {
  memory.fill(0);
  for (const [index, at] of [STATE, STATE + COPY_BYTES].entries()) {
    memory.set(input.subarray(1 + index * COPY_PART, 1 + (index + 1) * COPY_PART), at);
    const length = view.getUint32(at + 4, true);
    const text = memory.subarray(
      at + HEAD_BYTES,
      at + HEAD_BYTES + Math.min(length, COPY_BYTES - HEAD_BYTES),
    );
    if ((input[0]! & CHECKSUMS_RIGHT) !== 0) view.setUint32(at + CHECKSUM, fnv1a32(text), true);
  }
  memory.set(input.subarray(1 + 2 * COPY_PART, 1 + 2 * COPY_PART + RECORDER_PART), RECORDER);
}

export default {
  what: "a device's memory, from its driver host: the driver's state and the in-flight recorder",
  seeds: [
    ...written({ a: 1 }),
    ...written({ a: 1 }, { b: [2, "drei"] }, null),
    ...written("x".repeat(50), { device: { last: 3 } }),
  ],
  run(input) {
    if (input.length === 0) return false;
    place(input);
    const recorded = manager.recorded();
    assert.ok(recorded.length <= RECORDED_ENTRIES);
    crashReport({ ...crash, recorded }); // what the manager makes of it
    for (const { ageUs } of manager.recordedNow(5000)) assert.ok(ageUs >= 0 && ageUs < 2 ** 32); // and of it while the driver lives
    const next = opened(); // a driver looks for its state once, when it starts
    const state = next.readState();
    for (const lun of [0, 1])
      new Kept(lun, { state: { get: () => state as Json, set() {} }, incarnation: 2, log });
    keptDevice({ get: () => state as Json, set() {} });
    next.writeState({ after: true }); // whatever was there, the next driver can keep something
    assert.deepEqual(opened().readState(), { after: true });
    return state !== undefined || recorded.length > 0;
  },
} satisfies Target;

const log = createLog("fuzz", () => {}, manualClock());
