// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { block } from "@ring3/classes/block/contract";
import { manualClock } from "@ring3/core/clock";
import { type Driver, defineDriver, type Rehearsal } from "./define.ts";
import { rehearseDriver } from "./rehearsal.ts";

const descriptors = Uint8Array.of(
  ...[18, 1, 0, 2, 0, 0, 0, 64, 9, 18, 1, 0, 0, 1, 0, 0, 0, 1],
  ...[9, 2, 25, 0, 1, 1, 0, 0x80, 50],
  ...[9, 4, 0, 0, 1, 255, 0, 0, 0],
  ...[7, 5, 0x81, 2, 0, 2, 0],
);
const requests: Rehearsal<typeof block>["requests"] = [
  { operation: "read", input: { lba: 7, count: 1, medium: 1 }, bytes: 512 },
];

/** Notes how it is started and what it is asked. */
function noting(more: object = {}): { said: string[]; instance: () => Driver } {
  const said: string[] = [];
  const device = () => ({ control: () => 0, transfer: (_: number, data: Uint8Array) => data.fill(9).length });
  const instance = () =>
    defineDriver(block, {
      rehearsal: { descriptors, device, requests },
      probe({ usb }, ctx) {
        said.push(`start ${ctx.incarnation} after ${ctx.state.get() ?? "none"}`);
        ctx.state.set(ctx.incarnation);
        return {
          properties: { ...block.properties!.create(), sectorBytes: 512, sectors: 8 },
          async read({ lba }, { data }) {
            await usb.raw.bulkIn(1, data);
            said.push(`read ${lba}: ${data[511]}`);
          },
          write() {},
          flush() {},
        };
      },
      ...more,
    }) as unknown as Driver;
  return { said, instance };
}

test("each start of a rehearsal finds what the one before has kept, and serves the requests", async () => {
  const { said, instance } = noting();
  await rehearseDriver(instance, manualClock());
  assert.deepEqual(said.slice(0, 4), ["start 1 after none", "read 7: 9", "start 2 after 1", "read 7: 9"]);
});

test("a driver without a rehearsal is not started", async () => {
  const { said, instance } = noting({ rehearsal: undefined });
  await rehearseDriver(instance, manualClock());
  assert.deepEqual(said, []);
});

test("a rehearsal rejects with what its device throws", async () => {
  const device = () => {
    throw new Error("no such stick");
  };
  const { instance } = noting({ rehearsal: { descriptors, device, requests } });
  await assert.rejects(rehearseDriver(instance, manualClock()), /no such stick/);
});

test("a rehearsal rejects where its requests fail", async () => {
  const { instance } = noting({
    probe: () => ({
      properties: block.properties!.create(),
      read: () => Promise.reject(new Error("?")),
      write() {},
      flush() {},
    }),
  });
  await assert.rejects(rehearseDriver(instance, manualClock()), { kind: "internal" });
});
