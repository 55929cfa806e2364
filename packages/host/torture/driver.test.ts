// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block } from "@ring3/sdk";
import { block, type Context, type DriverUnit, defineDriver } from "@ring3/sdk";
import { tortured } from "./driver.ts";
import type { Order } from "./fault.ts";

const SECTORS = 16;
type Call = Parameters<DriverUnit<Block>["read"]>[1];

/** A real driver whose device answers when it is told to. */
async function setUp() {
  const asked: number[] = [];
  const held: (() => void)[] = [];
  const real = defineDriver(block, {
    probe: () => ({
      properties: {
        ...block.properties!.create(),
        sectorBytes: 512,
        maxTransferSectors: 8,
        sectors: SECTORS,
      },
      read({ lba }) {
        asked.push(lba);
        return new Promise<void>((resolve) => held.push(resolve));
      },
      write() {},
      flush() {},
    }),
  });
  const [unit] = (await tortured(real).probe({} as never, {} as Context<Block>)) as [DriverUnit<Block>];
  const call = (data = new Uint8Array(512)): Call => ({
    signal: new AbortController().signal,
    deadlineMs: 0,
    data,
    length: data.length,
  });
  const order = (order: Partial<Order>) => {
    const sector = new Uint8Array(512);
    new TextEncoder().encodeInto(
      JSON.stringify({ at: "before", after: 0, seed: 1, hangMs: 100, ...order }),
      sector,
    );
    return unit.write({ lba: SECTORS - 1, count: 1, fua: 0, medium: 0 }, call(sector));
  };
  const read = (lba: number, with_ = call()) => unit.read({ lba, count: 1, medium: 0 }, with_);
  return { asked, held, order, read, call };
}

test("all else that the real driver has is its own", () => {
  const rehearsal = { descriptors: new Uint8Array(0), device: () => assert.fail(), requests: [] };
  const real = defineDriver(block, { probe: () => assert.fail(), suspend() {}, resume() {}, rehearsal });
  const { probe: _, ...rest } = real;
  const { probe, ...kept } = tortured(real);
  assert.deepEqual(kept, rest);
  assert.notEqual(probe, real.probe);
});

test("without an order the real driver answers", async () => {
  const { asked, held, read } = await setUp();
  const answer = read(3);
  held[0]!();
  await answer;
  assert.deepEqual(asked, [3]);
});

test("an order strikes once, and those requests that it lets pass are done", async () => {
  const { asked, held, order, read } = await setUp();
  order({ fault: "throw", after: 1 });
  const passes = read(1);
  assert.throws(() => read(2), /torture/);
  const after = read(3);
  for (const answer of held) answer();
  await Promise.all([passes, after]);
  assert.deepEqual(asked, [1, 3]);
});

test("a request that fails while the device works is not over before the device is", async () => {
  const { held, order, read } = await setUp();
  order({ fault: "throw", at: "during" });
  let over = false;
  const answer = Promise.resolve(read(1)).finally(() => {
    over = true;
  });
  answer.catch(() => {});
  await new Promise(setImmediate);
  assert.equal(over, false);
  held[0]!();
  await assert.rejects(answer, /torture/);
});

test("an answer of another length is that of a request that was done", async () => {
  const { asked, held, order, read, call } = await setUp();
  order({ fault: "reply-too-short", at: "after" });
  const request = call();
  const answer = read(1, request);
  held[0]!();
  await answer;
  assert.deepEqual([asked, request.length], [[1], 0]);
});

test("an order can be taken back", async () => {
  const { held, order, read } = await setUp();
  order({ fault: "throw" });
  order({ fault: "none" });
  const answer = read(1);
  held[0]!();
  await answer;
});

test("an order for an unknown fault is refused", async () => {
  const { order } = await setUp();
  assert.throws(() => order({ fault: "sulk" }), { kind: "unsupported" });
});
