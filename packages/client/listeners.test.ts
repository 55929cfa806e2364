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
  listeners.driverLost(false);
  listeners.on("state", () => assert.fail("its driver is dead"));
  listeners.driver(true);
});

test("a driver that was held and works again need not tell what is so still: all are told, once, also of what it told meanwhile", () => {
  const listeners = new Listeners(contract);
  const seen: unknown[] = [];
  listeners.driver(true);
  listeners.onDriver((there) => {
    seen.push(there);
    if (there) listeners.on("state", ({ value }) => seen.push(["at work", value]));
  });
  listeners.on("state", ({ value }) => seen.push(["before", value]));
  listeners.on("change", ({ value }) => seen.push(["change", value]));
  told(listeners, 1, 1);
  told(listeners, 2, 1);
  listeners.driver(false);
  const leave = listeners.on("state", ({ value }) => seen.push(["left", value]));
  leave();
  listeners.on("state", ({ value }) => seen.push(["while held", value]));
  assert.deepEqual(seen.splice(0), [["before", 1], ["change", 1], false]);
  listeners.driver(true);
  assert.deepEqual(seen.splice(0), [true, ["before", 1], ["while held", 1], ["at work", 1]]);
  listeners.driver(false);
  told(listeners, 1, 2); // on its way when it was held
  listeners.driver(false);
  seen.length = 0;
  listeners.driver(true);
  assert.deepEqual(seen.slice(0, 2), [true, ["before", 2]]);
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
