// Runs in: node --test. Owns: a disk in memory that can be told to forget what it has taken.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_SECTORS, Ledger } from "./ledger.ts";

type Disk = Parameters<Ledger["step"]>[0];
const BLOCKS = 4;

function setUp() {
  const bytes = new Uint8Array(BLOCKS * BLOCK_SECTORS * 512);
  const fault = { forgets: false, refuses: false };
  const disk = {
    properties: { sectorBytes: 512, sectors: BLOCKS * BLOCK_SECTORS, medium: 1 },
    request: async (
      operation: string,
      { lba }: { lba: number },
      { data, length = 0 }: { data?: Uint8Array; length?: number },
    ) => {
      if (operation === "read") return { data: bytes.slice(lba * 512, lba * 512 + length) };
      if (fault.refuses) throw new Error("refused");
      bytes.set(data!, lba * 512);
      return {};
    },
  } as unknown as Disk;
  const checks: boolean[] = [];
  const ledger = new Ledger((ms, asWritten) => {
    assert.ok(ms >= 0);
    checks.push(asWritten);
  });
  const steps = async (count: number) => {
    for (let step = 0; step < count; step++) await ledger.step(disk);
    return checks.splice(0);
  };
  return { bytes, fault, steps };
}

test("each block is compared once it is written, and again before it is overwritten", async () => {
  const { steps } = setUp();
  assert.deepEqual(await steps(BLOCKS), Array(BLOCKS).fill(true));
  assert.deepEqual(await steps(BLOCKS), Array(2 * BLOCKS).fill(true));
});

test("a write that was acknowledged, read once and lost since is found in the next round, once", async () => {
  const { bytes, steps } = setUp();
  await steps(BLOCKS);
  bytes.fill(0, 2 * BLOCK_SECTORS * 512, 3 * BLOCK_SECTORS * 512);
  assert.deepEqual(
    (await steps(BLOCKS)).flatMap((asWritten, index) => (asWritten ? [] : [index])),
    [4],
  );
  assert.deepEqual(await steps(BLOCKS), Array(2 * BLOCKS).fill(true));
});

test("what a block holds whose write failed nobody knows, and it is not called lost", async () => {
  const { bytes, fault, steps } = setUp();
  await steps(BLOCKS);
  fault.refuses = true;
  await assert.rejects(steps(1), /refused/);
  fault.refuses = false;
  bytes.fill(7, 0, BLOCK_SECTORS * 512);
  assert.equal((await steps(BLOCKS)).includes(false), false);
});
