// Runs in: tests. What clients are told of a driver that is at rest: that nothing is pressed any more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gamepad } from "@ring3/classes/gamepad/contract";
import { input } from "@ring3/classes/input/contract";
import type { Contract, DriverUnit, EventData, Properties } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { Changes } from "./changes.ts";
import { type Context, type DriverCallbacks, defineDriver } from "./define.ts";
import { usbDescriptors, usbInterface } from "./test/descriptors.ts";
import { runDriver } from "./test/run-driver.ts";
import { scriptedUsb } from "./test/scripted-usb.ts";

const vendor = usbInterface({ class: 0xff, subclass: 0, protocol: 0 }, []);

/** A driver of units that do nothing, and what their clients have been told since the last look. */
async function start<C extends Contract>(
  contract: C,
  properties: Partial<Properties<C>>[],
  callbacks: Partial<DriverCallbacks<C>> = {},
) {
  let ctx: Context<C> | undefined;
  const driver = defineDriver(contract, {
    probe(_, given) {
      ctx = given;
      const whole = properties.map((each) => ({ ...(contract.properties!.create() as object), ...each }));
      return whole.map((each) => ({ properties: each })) as unknown as DriverUnit<C>[];
    },
    ...callbacks,
  });
  const usb = { transport: scriptedUsb(), descriptors: usbDescriptors([vendor]) };
  const running = await runDriver(driver, { usb });
  const told: [unit: number, event: string, data: unknown][] = [];
  for (const [number, unit] of running.units.entries())
    for (const event of Object.keys(contract.events))
      unit.on(event as keyof C["events"] & string, (data) => {
        const { timestampUs, ...rest } = data as { timestampUs?: number };
        assert.ok(timestampUs === undefined || timestampUs > 0);
        told.push([number, event, rest]);
      });
  return { running, ctx: ctx!, seen: () => told.splice(0) };
}

const at = { timestampUs: 1 };
const state = { ...gamepad.events.state.data!.create(), ...at };
const { timestampUs: _, ...zeros } = state;
const lifted = { touching: 0, id: 0, x: 0, y: 0 };

test("a pad's buttons, triggers and sticks are let go at a rest, each unit's by its own properties; what never was told is not", async () => {
  const bent = { stickMin: 0, stickMax: 255 };
  const properties = [
    { ...bent, sticks: 2 },
    { ...bent, sticks: 1 },
    { stickMin: -32768, stickMax: 32767, sticks: 2 },
  ];
  const { running, ctx, seen } = await start(gamepad, [...properties, {}, {}]);
  const held = { buttons: 5, leftX: 9, leftY: 9, rightX: 9, rightY: 9, leftTrigger: 9, hatX: 1, hatY: -1 };
  for (const unit of [0, 1, 2]) ctx.emit("state", { ...state, ...held }, unit);
  ctx.emit("state", state, 3); // nothing to let go
  seen();
  await running.suspend();
  const middle = { leftX: 128, leftY: 128 };
  assert.deepEqual(seen(), [
    [0, "state", { ...zeros, ...middle, rightX: 128, rightY: 128 }],
    [1, "state", { ...zeros, ...middle, rightX: 9, rightY: 9 }], // it has none
    [2, "state", zeros],
  ]);
  await running.remove();
});

test("fingers are lifted where they are; the battery stays what it was", async () => {
  const { running, ctx, seen } = await start(gamepad, [{}]);
  const fingers = [
    { touching: 1, id: 3, x: 10, y: 20 },
    { touching: 0, id: 2, x: 5, y: 6 },
  ];
  ctx.emit("touch", { ...at, fingers });
  ctx.emit("power", { percent: 50, charging: 0 });
  seen();
  await running.suspend();
  assert.deepEqual(seen(), [[0, "touch", { fingers: [{ touching: 0, id: 3, x: 10, y: 20 }, fingers[1]] }]]);
  await running.remove();
});

test("keys are up at a rest, and a pen is away from where it was", async () => {
  const { running, ctx, seen } = await start(input, [{}]);
  const pressed = [30, 28, ...new Array<number>(13).fill(0)];
  ctx.emit("keys", { ...at, pressed });
  ctx.emit("pointer", { ...at, x: 7, y: 8, pressure: 9, near: 1 });
  seen();
  await running.suspend();
  assert.deepEqual(seen(), [
    [0, "keys", { pressed: new Array<number>(15).fill(0) }],
    [0, "pointer", { x: 7, y: 8, pressure: 0, near: 0 }],
  ]);
  await running.remove();
});

test("what is still held is told anew after the rest, by a driver that does nothing for it", async () => {
  const { running, ctx, seen } = await start(gamepad, [{}]);
  const changes = new Changes(ctx, "state");
  const held = { ...zeros, buttons: 1 };
  changes.tell(held);
  await running.suspend();
  await running.resume();
  seen();
  changes.tell(held);
  changes.tell(held);
  assert.deepEqual(seen(), [[0, "state", held]]);
  await running.remove();
});

test("a driver that goes on reading at rest is not heard; what it tells in resume is", async () => {
  let told: Changes<typeof gamepad, "state"> | undefined;
  const held = { ...zeros, buttons: 1 };
  const { running, ctx, seen } = await start(gamepad, [{}], { resume: () => told!.tell(held) });
  told = new Changes(ctx, "state");
  await running.suspend();
  told.tell(held);
  assert.deepEqual(seen(), []);
  await running.resume();
  assert.deepEqual(seen(), [[0, "state", held]]);
  await running.remove();
});

test("a driver that goes on reading at rest: no motion is told, and what became so meanwhile is told when it works", async () => {
  const { running, ctx, seen } = await start(input, [{}, {}]);
  const pressed = [30, ...new Array<number>(14).fill(0)];
  await running.suspend();
  ctx.emit("motion", { ...at, x: 1, y: 1, wheel: 0, horizontalWheel: 0 });
  ctx.emit("keys", { ...at, pressed: [31, ...pressed.slice(1)] }, 1);
  ctx.emit("keys", { ...at, pressed }, 1);
  ctx.emit("resolution", { dpi: 800 });
  assert.deepEqual(seen(), []);
  await running.resume();
  assert.deepEqual(seen(), [
    [0, "resolution", { dpi: 800 }],
    [1, "keys", { pressed }],
  ]);
  await running.suspend();
  assert.deepEqual(seen(), [[1, "keys", { pressed: new Array<number>(15).fill(0) }]]);
  await running.resume();
  assert.deepEqual(seen(), []);
  await running.remove();
});

test("what was let go at one rest is not let go again at the next", async () => {
  const { running, ctx, seen } = await start(gamepad, [{}]);
  ctx.emit("state", { ...state, buttons: 1 });
  await running.suspend();
  await running.resume();
  seen();
  await running.suspend();
  assert.deepEqual(seen(), []);
  await running.remove();
});

test("a rest that fails while states are let go: the driver is heard, and tells again what is held", async () => {
  let fails = true;
  const { state: event } = gamepad.events;
  const failing = {
    ...gamepad,
    events: {
      ...gamepad.events,
      touch: {
        ...gamepad.events.touch,
        released(last: never) {
          if (fails) throw new Error("no");
          return last;
        },
      },
      state: event,
    },
  };
  const { running, ctx, seen } = await start(failing as unknown as typeof gamepad, [{}]);
  const changes = new Changes(ctx, "state");
  const held = { ...zeros, buttons: 1 };
  changes.tell(held);
  ctx.emit("touch", { ...at, fingers: [lifted, lifted] });
  seen();
  await assert.rejects(running.suspend(), { message: "no" });
  fails = false;
  seen();
  changes.tell(held);
  assert.deepEqual(seen(), [[0, "state", held]]);
  await running.remove();
});

test("a driver that refuses to rest keeps what is pressed", async () => {
  const refusal = new DeviceError("busy", "no");
  const { running, ctx, seen } = await start(gamepad, [{}], { suspend: () => Promise.reject(refusal) });
  ctx.emit("state", { ...state, buttons: 1 } as EventData<typeof gamepad, "state">);
  seen();
  await assert.rejects(running.suspend(), refusal);
  assert.deepEqual(seen(), []);
  await running.remove();
});
