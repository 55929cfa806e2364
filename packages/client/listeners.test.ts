// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineContract, event } from "@ring3/core/contract";
import { struct, u32 } from "@ring3/core/struct";
import { Listeners } from "./listeners.ts";

const contract = defineContract({
  name: "sample",
  version: 1,
  operations: {},
  events: {
    state: event({ nr: 1, data: struct({ value: u32 }), overflow: "latest", sticky: true }),
    change: event({ nr: 2, data: struct({ value: u32 }), overflow: "latest" }),
  },
});

function told(listeners: Listeners<typeof contract>, nr: number, value: number): void {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  listeners.event(nr, 0, view, 0, () => {});
}

test("who comes later is told the latest of what is so still, as long as the driver lives that has told it", () => {
  const listeners = new Listeners(contract);
  listeners.driver(true);
  for (const value of [1, 2]) {
    told(listeners, 1, value);
    told(listeners, 2, value);
  }
  const seen: unknown[] = [];
  listeners.on("state", ({ value }) => seen.push(["state", value]));
  listeners.on("change", ({ value }) => seen.push(["change", value]));
  assert.deepEqual(seen, [["state", 2]]);
  listeners.driver(false);
  listeners.on("state", () => assert.fail("its driver is dead"));
});

test("who subscribes while others are told hears of it once, and who leaves then is not told", () => {
  const listeners = new Listeners(contract);
  const seen: string[] = [];
  listeners.on("state", () => {
    if (seen.length > 0) return;
    seen.push("first");
    listeners.on("state", ({ value }) => seen.push(`inner ${value}`));
    leave();
  });
  const leave = listeners.on("state", () => seen.push("left"));
  told(listeners, 1, 7);
  assert.deepEqual(seen, ["first", "inner 7"]);
  told(listeners, 1, 8);
  assert.deepEqual(seen, ["first", "inner 7", "inner 8"]);
});

test("who asks for drivers while others are told of one does not hear of that one", () => {
  const listeners = new Listeners(contract);
  const seen: string[] = [];
  listeners.onDriver((there) => {
    seen.push(`first ${there}`);
    if (seen.length === 1) listeners.onDriver((there) => seen.push(`inner ${there}`));
  });
  listeners.driver(true);
  listeners.driver(false);
  assert.deepEqual(seen, ["first true", "first false", "inner false"]);
});
