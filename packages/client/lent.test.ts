// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kindCode } from "@ring3/core/errors";
import { clientEnd, driver, SECTOR, settle } from "./client-end.fixture.ts";
import { LentSlot } from "./lent.ts";

const read = { lba: 2, count: 1, medium: 1 };

function lent() {
  const { end } = clientEnd();
  const far = driver(end, 1);
  const free = () => {
    const slots = [];
    for (let slot = end.take(); slot !== undefined; slot = end.take()) slots.push(slot);
    for (const slot of slots) end.release(slot);
    return slots.length;
  };
  return { ...far, room: new LentSlot(end, end.take()!), free, slots: end.slots };
}

test("what is put into the room is what the driver sees, and what it answers is its own memory, both times", async () => {
  const { held, done, room } = lent();
  room.room(SECTOR).fill(7);
  const written = room.request("write", { ...read, fua: 0 }, SECTOR);
  await settle();
  assert.deepEqual(held[0]!.data, new Uint8Array(SECTOR).fill(7));
  done(held[0]!);
  await written;
  const answers = [];
  for (const fill of [1, 2]) {
    const answer = room.request("read", read, SECTOR);
    await settle();
    held.at(-1)!.data.fill(fill);
    done(held.at(-1)!);
    answers.push((await answer).data);
  }
  assert.equal(answers[0]!.length, SECTOR);
  assert.deepEqual([answers[0]![0], answers[1]![0]], [2, 2]); // one memory: the first answer was valid until the next request
});

test("a failure is a DeviceError, and the room goes on", async () => {
  const { held, done, room } = lent();
  const failed = room.request("read", read, SECTOR);
  failed.catch(() => {});
  await settle();
  done(held[0]!, kindCode("medium"));
  await assert.rejects(failed, { kind: "medium", message: /^read on block unit/ });
  const answer = room.request("read", read, SECTOR);
  await settle();
  done(held[1]!);
  await answer;
});

test("one request at a time; a room that is given back meanwhile is free once that is done", async () => {
  const { held, done, room, free, slots } = lent();
  const first = room.request("read", read, SECTOR);
  await assert.rejects(room.request("read", read, SECTOR), { kind: "busy" });
  assert.throws(() => room.room(1), { kind: "busy" });
  room[Symbol.dispose]();
  await settle();
  assert.equal(free(), slots - 1);
  done(held[0]!);
  await first;
  assert.equal(free(), slots);
  room[Symbol.dispose]();
  assert.equal(free(), slots);
  assert.throws(() => room.room(1), { kind: "invalid", message: /was given back/ });
});

for (const bytes of [-1, 0.5, 2 ** 20 + 1, Number.NaN])
  test(`room for ${bytes} bytes is refused`, () => {
    assert.throws(() => lent().room.room(bytes), { kind: "invalid", message: /expected 0 to 1048576/ });
  });

test("an operation that the unit lacks is refused before it is sent", async () => {
  const { held, room } = lent();
  await assert.rejects(room.request("discard", read, 0), { kind: "unsupported" });
  await settle();
  assert.equal(held.length, 0);
});
