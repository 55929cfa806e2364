// Runs in: tests. Owns: a cache on a medium in memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WriteCache } from "./cache.ts";
import type { Medium } from "./disk.ts";

const SECTOR = 512;
const SECTORS = 64;

class Memory implements Medium {
  readonly bytes = Buffer.alloc(SECTORS * SECTOR);
  readonly sizeBytes = this.bytes.length;

  async read(position: number, into: Uint8Array): Promise<void> {
    into.set(this.bytes.subarray(position, position + into.length));
  }

  async write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    this.bytes.set(Buffer.concat(chunks), position);
  }

  async zero(position: number, length: number): Promise<void> {
    this.bytes.fill(0, position, position + length);
  }

  async flush(): Promise<void> {}
}

const sectors = (value: number, count = 1) => Buffer.alloc(count * SECTOR, value);

async function readAll(medium: Medium): Promise<Buffer> {
  const into = Buffer.alloc(medium.sizeBytes);
  await medium.read(0, into);
  return into;
}

test("a write stays apart from the image until the flush", async () => {
  const memory = new Memory();
  const cache = new WriteCache(memory, SECTOR);
  await cache.write(SECTOR, [sectors(7, 2)], 2 * SECTOR, false);
  assert.equal(cache.dirtyBytes, 2 * SECTOR);
  assert.equal(memory.bytes[SECTOR], 0);
  assert.equal((await readAll(cache))[SECTOR], 7);
  await cache.flush();
  assert.equal(cache.dirtyBytes, 0);
  assert.equal(memory.bytes[SECTOR], 7);
});

test("a forced write reaches the image and outlives older cached data of its sector", async () => {
  const memory = new Memory();
  const cache = new WriteCache(memory, SECTOR);
  await cache.write(0, [sectors(1, 2)], 2 * SECTOR, false);
  await cache.write(0, [sectors(2)], SECTOR, true);
  cache.losePower();
  assert.deepEqual([memory.bytes[0], memory.bytes[SECTOR]], [2, 0]);
});

test("a read that starts and ends inside sectors sees the cached bytes", async () => {
  const cache = new WriteCache(new Memory(), SECTOR);
  await cache.write(SECTOR, [sectors(9)], SECTOR, false);
  const into = Buffer.alloc(SECTOR + 20);
  await cache.read(SECTOR - 10, into);
  assert.deepEqual([into[9], into[10], into[SECTOR + 9], into[SECTOR + 10]], [0, 9, 9, 0]);
});

test("a cache over its limit writes itself back", async () => {
  const memory = new Memory();
  const cache = new WriteCache(memory, SECTOR, 4 * SECTOR);
  await cache.write(0, [sectors(1, 4)], 4 * SECTOR, false);
  assert.equal(memory.bytes[0], 0);
  await cache.write(8 * SECTOR, [sectors(1)], SECTOR, false);
  assert.deepEqual([memory.bytes[0], memory.bytes[8 * SECTOR], cache.dirtyBytes], [1, 1, 0]);
});

test("a sector written again during its write-back stays dirty", async () => {
  const memory = new Memory();
  const cache = new WriteCache(memory, SECTOR);
  await cache.write(0, [sectors(1)], SECTOR, false);
  const flushed = cache.flush();
  await cache.write(0, [sectors(2)], SECTOR, false);
  await flushed;
  assert.equal(cache.dirtyBytes, SECTOR);
  assert.equal((await readAll(cache))[0], 2);
});

const extent = { at: fc.integer({ min: 0, max: SECTORS - 8 }), count: fc.integer({ min: 1, max: 8 }) };
const step = fc.oneof(
  fc.record({ do: fc.constant("write" as const), ...extent, value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ do: fc.constant("force" as const), ...extent, value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ do: fc.constant("zero" as const), ...extent, value: fc.constant(0) }),
  fc.record({
    do: fc.constantFrom("flush" as const, "losePower" as const),
    at: fc.constant(0),
    count: fc.constant(1),
    value: fc.constant(0),
  }),
);

test("any history: reads see the last write, power loss loses exactly what was not flushed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const memory = new Memory();
      const cache = new WriteCache(memory, SECTOR, 1048576);
      let seen = Buffer.alloc(SECTORS); // one value a sector
      const durable = Buffer.alloc(SECTORS);
      const actions = {
        write: async (at: number, count: number, value: number) => {
          await cache.write(at * SECTOR, [sectors(value, count)], count * SECTOR, false);
          seen.fill(value, at, at + count);
        },
        force: async (at: number, count: number, value: number) => {
          await cache.write(at * SECTOR, [sectors(value, count)], count * SECTOR, true);
          seen.fill(value, at, at + count);
          durable.fill(value, at, at + count);
        },
        zero: async (at: number, count: number) => {
          await cache.zero(at * SECTOR, count * SECTOR);
          seen.fill(0, at, at + count);
          durable.fill(0, at, at + count);
        },
        flush: async () => {
          await cache.flush();
          durable.set(seen);
        },
        losePower: async () => {
          cache.losePower();
          seen = Buffer.from(durable);
        },
      };
      for (const each of steps) await actions[each.do](each.at, each.count, each.value);
      const values = (bytes: Buffer) =>
        Buffer.from(Array.from({ length: SECTORS }, (_, i) => bytes[i * SECTOR]!));
      assert.deepEqual(values(await readAll(cache)), seen);
      assert.deepEqual(values(memory.bytes), durable);
    }),
    { numRuns: 100 },
  );
});
