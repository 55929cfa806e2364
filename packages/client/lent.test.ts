// Runs in: node --test. Owns: a disk in memory whose slots are lent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "@ring3/classes/block/memory-disk.fixture";
import { LentSlot } from "./lent.ts";

const SECTOR = 512;
const medium = 1;

function lent() {
  const disk = memoryDisk();
  return { disk, room: new LentSlot(disk.port, disk.port.take()!) };
}

test("what is put into the room is written, and what is read is the driver's own memory", async () => {
  const { disk, room } = lent();
  room.room(SECTOR).fill(7);
  await room.request("write", { lba: 2, count: 1, fua: 0, medium }, SECTOR);
  assert.deepEqual(disk.bytes.subarray(2 * SECTOR, 3 * SECTOR), new Uint8Array(SECTOR).fill(7));
  const one = await room.request("read", { lba: 2, count: 1, medium }, SECTOR);
  const other = await room.request("read", { lba: 2, count: 1, medium }, SECTOR);
  assert.equal(one.data[0], 7);
  assert.equal(one.data.buffer, other.data.buffer);
});

test("a failure is a DeviceError, and the room goes on", async () => {
  const { room } = lent();
  await assert.rejects(room.request("read", { lba: 9999, count: 1, medium }, SECTOR), {
    kind: "out-of-range",
    message: /^read on block unit/,
  });
  await room.request("read", { lba: 0, count: 1, medium }, SECTOR);
});

test("one request at a time, and none in a room that was given back", async () => {
  const { disk, room } = lent();
  const held = Promise.withResolvers<void>();
  disk.gate = () => held.promise;
  const first = room.request("read", { lba: 0, count: 1, medium }, SECTOR);
  await assert.rejects(room.request("read", { lba: 0, count: 1, medium }, SECTOR), { kind: "busy" });
  assert.throws(() => room.room(1), { kind: "busy" });
  room[Symbol.dispose]();
  assert.equal(disk.freeSlots(), 7); // the request is under way in it
  held.resolve();
  await first;
  assert.equal(disk.freeSlots(), 8);
  room[Symbol.dispose]();
  assert.throws(() => room.room(1), { kind: "invalid", message: /was given back/ });
});

for (const bytes of [-1, 0.5, 65_537, Number.NaN])
  test(`room for ${bytes} bytes is refused`, () => {
    assert.throws(() => lent().room.room(bytes), { kind: "invalid", message: /expected 0 to 65536/ });
  });

test("an operation that the unit lacks is refused before it is sent", async () => {
  const disk = memoryDisk({ lacks: ["discard"] });
  const room = new LentSlot(disk.port, disk.port.take()!);
  await assert.rejects(room.request("discard", { lba: 0, count: 1, medium }, 0), { kind: "unsupported" });
  assert.equal(disk.seen.length, 0);
});
