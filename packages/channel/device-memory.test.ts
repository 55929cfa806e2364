// Runs in: tests.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { crc32 } from "node:zlib";
import { type Descriptor, duplicate } from "@ring3/kernel/fd/descriptor";
import { mapFixed } from "@ring3/kernel/shm/memory";
import { DeviceMemory, HostDeviceMemory } from "./device-memory.ts";

const SIZE = 4096 + 2 * 8192;
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

/** What a host may write there without asking anyone. */
function write(sequence: number, bytes: Buffer, checksum = crc32(bytes)): void {
  const buffer = mapFixed(fd.fd, SIZE);
  new Uint32Array(buffer, STATE).set([sequence, bytes.length, checksum]);
  new Uint8Array(buffer, STATE + 12).set(bytes);
}

test("an incarnation reads what the one before has kept, the newest of it", () => {
  const host = new HostDeviceMemory(fd);
  for (const count of [1, 2, 3]) host.writeState({ count });
  assert.deepEqual(new HostDeviceMemory(fd).readState(), { count: 3 });
});

test("a death in the middle of writing leaves what was kept before", () => {
  const host = new HostDeviceMemory(fd);
  host.writeState({ count: 1 });
  host.writeState({ count: 2 });
  write(3, Buffer.from('{"count":3'), 0); // the first copy is the older one
  assert.deepEqual(host.readState(), { count: 2 });
});

for (const text of ["no JSON", "", "\xff", '{"count":'])
  test(`${JSON.stringify(text)} under a right checksum is no state, and no failure`, () => {
    write(0xffffffff, Buffer.from(text, "latin1"));
    assert.equal(new HostDeviceMemory(fd).readState(), undefined);
  });

test("what the manager drops is gone", () => {
  const host = new HostDeviceMemory(fd);
  host.writeState([1]);
  manager.dropState();
  assert.equal(host.readState(), undefined);
});

test("a beat is seen by the manager", () => {
  const before = manager.heartbeat();
  new HostDeviceMemory(fd).beat();
  assert.notEqual(manager.heartbeat(), before);
});
