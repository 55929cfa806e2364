// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Slots } from "./slots.ts";

const slot = (index: number) => ({ index, room: () => new Uint8Array(1) });
const slots = (count: number) => new Slots(Array.from({ length: count }, (_, index) => slot(index)));

test("who waits for many slots is not overtaken by who wants one", async () => {
  const pool = slots(2);
  const [held] = await pool.reserve(1);
  const order: string[] = [];
  const two = pool.reserve(2).then(() => order.push("two"));
  const one = pool.reserve(1).then(() => order.push("one"));
  pool.release(held!);
  await two;
  assert.deepEqual(order, ["two"]);
  pool.release(slot(0));
  await one;
  assert.deepEqual(order, ["two", "one"]);
});

test("more slots than there are: refused at once", async () => {
  await assert.rejects(slots(4).reserve(5), /5 slots of 4/);
});

test("who gives up waiting lets the next one have its turn", async () => {
  const pool = slots(2);
  const [held] = await pool.reserve(1);
  const abort = new AbortController();
  const two = pool.reserve(2, abort.signal);
  const one = pool.reserve(1);
  abort.abort();
  await assert.rejects(two, /waiting for a free slot/);
  assert.equal((await one).length, 1);
  pool.release(held!);
});

test("a signal that was aborted before waits for nothing", async () => {
  await assert.rejects(slots(1).reserve(1, AbortSignal.abort()), /waiting for a free slot/);
});
