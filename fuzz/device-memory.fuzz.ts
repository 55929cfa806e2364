// Runs in: fuzzing.
import assert from "node:assert/strict";
import { DEVICE_MEMORY_BYTES, DeviceMemory, HostDeviceMemory } from "../packages/channel/device-memory.ts";
import { RECORDER_ENTRIES, unanswered } from "../packages/channel/recorder.ts";
import { duplicate } from "../packages/kernel/fd/descriptor.ts";
import { mapFixed } from "../packages/kernel/shm/memory.ts";
import type { Target } from "./target.ts";

const manager = new DeviceMemory();
const host = new HostDeviceMemory(duplicate(manager.fd), 1, () => 0);
const memory = new Uint8Array(mapFixed(manager.fd, DEVICE_MEMORY_BYTES).buffer);
/** Where the state begins; what is before it is the heartbeat's page. */
const STATE = 4096;

function written(...values: unknown[]): Uint8Array {
  memory.fill(0);
  for (const value of values) host.writeState(value);
  host.recorder.request(1, 2, 3);
  host.recorder.submit(1, 0x81, 512);
  host.recorder.reap(1, 512, 0);
  host.recorder.log("found a disk");
  host.recorder.answer(1, 2, 0);
  return memory.slice(STATE);
}

/** The parts that hold something: a state copy's head and text, and the recorder's first entries. */
const parts = (bytes: Uint8Array) => [bytes.slice(0, 256), bytes.slice(0, 9000)];

export default {
  what: "a device's memory, from its driver host: the driver's state and the in-flight recorder",
  seeds: [
    ...parts(written({ a: 1 })),
    ...parts(written({ a: 1 }, { b: [2, "drei"] }, null)),
    written("x".repeat(4000)),
  ],
  run(input) {
    memory.fill(0);
    memory.set(input.subarray(0, DEVICE_MEMORY_BYTES - STATE), STATE);
    const state = host.readState();
    const recorded = manager.recorded();
    assert.ok(recorded.length <= RECORDER_ENTRIES && unanswered(recorded).length <= recorded.length);
    assert.ok(recorded.every(({ ageUs }) => ageUs >= 0 && ageUs <= 0xffff_ffff));
    host.writeState({ after: true }); // whatever was there, the next driver can keep something
    assert.deepEqual(host.readState(), { after: true });
    return state !== undefined || recorded.length > 0;
  },
} satisfies Target;
