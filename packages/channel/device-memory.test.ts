// Runs in: tests.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { fnv1a32 } from "@ring3/core/hash";
import { type Descriptor, duplicate } from "@ring3/kernel/fd/descriptor";
import { mapFixed } from "@ring3/kernel/shm/memory";
import { DEVICE_MEMORY_BYTES, DeviceMemory, HostDeviceMemory } from "./device-memory.ts";

const STATE = 4096;
let manager: DeviceMemory;
let fd: Descriptor;

beforeEach(() => {
  manager = new DeviceMemory();
  fd = duplicate(manager.fd);
});
afterEach(() => {
  fd.close();
  manager.close();
});

const hostMemory = (version = 0) => new HostDeviceMemory(fd, version, { now: () => 0 });

/** What a host may write there without asking anyone. */
function write(sequence: number, bytes: Buffer, checksum = fnv1a32(bytes)): void {
  const { buffer } = mapFixed(fd.fd, DEVICE_MEMORY_BYTES);
  new Uint32Array(buffer, STATE).set([sequence, bytes.length, checksum]);
  new Uint8Array(buffer, STATE + 16).set(bytes);
}

test("an incarnation reads what the one before has kept, the newest of it", () => {
  const host = hostMemory();
  for (const count of [1, 2, 3]) host.writeState({ count });
  assert.deepEqual(hostMemory().readState(), { count: 3 });
});

test("a death in the middle of writing leaves what was kept before", () => {
  const host = hostMemory();
  host.writeState({ count: 1 });
  host.writeState({ count: 2 });
  write(3, Buffer.from('{"count":3'), 0); // the first copy is the older one
  assert.deepEqual(hostMemory().readState(), { count: 2 });
});

for (const text of ["no JSON", "", "\xff", '{"count":'])
  test(`${JSON.stringify(text)} under a right checksum is no state, and no failure`, () => {
    write(0xffffffff, Buffer.from(text, "latin1"));
    assert.equal(hostMemory().readState(), undefined);
  });

test("a driver of another state version reads nothing, and the older one its own again", () => {
  hostMemory(1).writeState({ from: 1 });
  assert.equal(hostMemory(2).readState(), undefined);
  assert.deepEqual(hostMemory(1).readState(), { from: 1 });
});

test("the manager reads what the last incarnation recorded", () => {
  hostMemory().recorder.log("first");
  hostMemory().recorder.log("second");
  assert.deepEqual(
    manager.recorded().map(({ text }) => text),
    ["second"],
  );
});

test("dropping the state leaves the recorder", () => {
  const host = hostMemory();
  host.recorder.log("last words");
  manager.dropState();
  assert.equal(manager.recorded().length, 1);
});

test("what the manager drops is gone", () => {
  hostMemory().writeState([1]);
  manager.dropState();
  assert.equal(hostMemory().readState(), undefined);
});

test("a beat is seen by the manager", () => {
  const before = manager.heartbeat();
  hostMemory().beat();
  assert.notEqual(manager.heartbeat(), before);
});

test("after the highest sequence a driver can have written there, what is kept is read all the same", () => {
  for (const sequence of [0xffff_ffff, 0xffff_fffe, 0x8000_0000]) {
    manager.dropState();
    write(sequence, Buffer.from('"before"'));
    const host = hostMemory();
    assert.equal(host.readState(), "before");
    for (let round = 0; round < 4; round++) {
      host.writeState(round);
      assert.equal(host.readState(), round);
    }
  }
});
