// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ABS_HAT0X,
  ABS_HAT0Y,
  ABS_MT_POSITION_X,
  ABS_MT_POSITION_Y,
  ABS_MT_SLOT,
  ABS_MT_TRACKING_ID,
  ABS_RX,
  ABS_RY,
  ABS_RZ,
  ABS_X,
  ABS_Y,
  ABS_Z,
  BTN_LEFT,
  BTN_SOUTH,
  BTN_START,
  BTN_TOOL_DOUBLETAP,
  BTN_TOOL_FINGER,
  BTN_TOUCH,
  EV_ABS,
  EV_KEY,
  MSC_TIMESTAMP,
} from "@ring3/kernel/uinput/codes";
import {
  GAMEPAD_RUMBLE,
  type GamepadProperties,
  gamepad,
  gamepadButton,
  gamepadButtons,
} from "./contract.ts";
import { MotionFrames, PadFrames, TouchFrames } from "./endpoint-frames.ts";

const named = { name: "a pad", phys: "here" };
const pad: GamepadProperties = {
  ...gamepad.properties!.create(),
  busType: 3,
  vendor: 0x045e,
  product: 0x028e,
  version: 0x0114,
  features: GAMEPAD_RUMBLE,
  buttons: gamepadButton("south") | gamepadButton("start"),
  stickMin: -32_768,
  stickMax: 32_767,
  stickFuzz: 16,
  stickFlat: 128,
  triggerMax: 255,
  sticks: 2,
  hat: 1,
  touchMaxX: 1919,
  touchMaxY: 1079,
};
const state = gamepad.events.state.data!.create();
const abs = (code: number, value: number) => ({ type: EV_ABS, code, value });
const key = (code: number, value: number) => ({ type: EV_KEY, code, value });

test("a pad whose properties name its axes has those, with the same values", () => {
  const frames = new PadFrames({ ...pad, axisCodes: [0, 1, 2, 5, 3, 4] }, named);
  const told = frames.of({ ...state, rightX: 7, rightY: 8, leftTrigger: 9, rightTrigger: 10 });
  assert.deepEqual(
    told.filter(({ type, value }) => type === EV_ABS && value !== 0),
    [abs(ABS_RX, 9), abs(ABS_Z, 7), abs(ABS_RZ, 8), abs(ABS_RY, 10)],
  );
  const maxima = new Map(frames.description.axes!.map(({ code, maximum }) => [code, maximum]));
  assert.deepEqual([maxima.get(ABS_Z), maxima.get(ABS_RX)], [32_767, 255]);
});

test("a pad has the axes of Linux's gamepad specification, with the device's own ranges", () => {
  const { axes, keys, effects, ids } = new PadFrames(pad, named).description;
  assert.deepEqual(
    axes!.map(({ code, minimum, maximum, fuzz, flat, rest }) => [code, minimum, maximum, fuzz, flat, rest]),
    [
      [ABS_X, -32_768, 32_767, 16, 128, 0],
      [ABS_Y, -32_768, 32_767, 16, 128, 0],
      [ABS_Z, 0, 255, 0, 0, 0],
      [ABS_RX, -32_768, 32_767, 16, 128, 0],
      [ABS_RY, -32_768, 32_767, 16, 128, 0],
      [ABS_RZ, 0, 255, 0, 0, 0],
      [ABS_HAT0X, -1, 1, 0, 0, 0],
      [ABS_HAT0Y, -1, 1, 0, 0, 0],
    ],
  );
  assert.deepEqual([keys, effects, ids.product], [[BTN_SOUTH, BTN_START], 16, 0x028e]);
});

test("what a pad has not is not there: one stick, no triggers, no motors", () => {
  const plain = { ...pad, sticks: 1, triggerMax: 0, hat: 0, features: 0 };
  const { axes, effects } = new PadFrames(plain, named).description;
  assert.deepEqual([axes!.map(({ code }) => code), effects], [[ABS_X, ABS_Y], 0]);
});

test("sticks of 0 to 255 rest in their middle", () => {
  const { axes } = new PadFrames({ ...pad, stickMin: 0, stickMax: 255 }, named).description;
  assert.equal(axes![0]!.rest, 128);
});

test("a state is all of its buttons and axes", () => {
  const events = new PadFrames(pad, named).of({
    ...state,
    buttons: gamepadButton("start") | gamepadButton("mute"),
    leftX: -5,
    rightY: 7,
    rightTrigger: 200,
    hatY: -1,
  });
  assert.deepEqual(events, [
    key(BTN_SOUTH, 0),
    key(BTN_START, 1),
    abs(ABS_X, -5),
    abs(ABS_Y, 0),
    abs(ABS_Z, 0),
    abs(ABS_RX, 0),
    abs(ABS_RY, 7),
    abs(ABS_RZ, 200),
    abs(ABS_HAT0X, 0),
    abs(ABS_HAT0Y, -1),
  ]);
});

test("no two buttons have the same code, and each bit is there", () => {
  const all = { ...pad, buttons: 2 ** gamepadButtons.length - 1 };
  const { keys } = new PadFrames(all, named).description;
  assert.equal(new Set(keys).size, gamepadButtons.length - 1); // the touchpad's own is not the pad's
});

test("two fingers on the touchpad, then one, then none", () => {
  const touch = new TouchFrames(pad, named);
  const finger = (touching: number, id: number, x: number, y: number) => ({ touching, id, x, y });
  const tools = (touching: number, one: number, two: number) => [
    key(BTN_TOUCH, touching),
    key(BTN_TOOL_FINGER, one),
    key(BTN_TOOL_DOUBLETAP, two),
  ];
  assert.deepEqual(touch.of({ fingers: [finger(1, 8, 10, 20), finger(1, 9, 30, 40)] }), [
    abs(ABS_MT_SLOT, 0),
    abs(ABS_MT_TRACKING_ID, 8),
    abs(ABS_MT_POSITION_X, 10),
    abs(ABS_MT_POSITION_Y, 20),
    abs(ABS_MT_SLOT, 1),
    abs(ABS_MT_TRACKING_ID, 9),
    abs(ABS_MT_POSITION_X, 30),
    abs(ABS_MT_POSITION_Y, 40),
    ...tools(1, 0, 1),
    abs(ABS_X, 10),
    abs(ABS_Y, 20),
  ]);
  assert.deepEqual(touch.of({ fingers: [finger(0, 8, 0, 0), finger(1, 9, 31, 40)] }).slice(-5), [
    ...tools(1, 1, 0),
    abs(ABS_X, 31),
    abs(ABS_Y, 40),
  ]);
  assert.deepEqual(touch.of({ fingers: [finger(0, 8, 0, 0), finger(0, 9, 0, 0)] }), [
    abs(ABS_MT_SLOT, 0),
    abs(ABS_MT_TRACKING_ID, -1),
    abs(ABS_MT_SLOT, 1),
    abs(ABS_MT_TRACKING_ID, -1),
    ...tools(0, 0, 0),
  ]);
});

test("the pointer stays with the finger that came first, and goes to the other once that is lifted", () => {
  const touch = new TouchFrames(pad, named);
  const lifted = { touching: 0, id: 0, x: 0, y: 0 };
  const finger = (id: number, x: number) => ({ touching: 1, id, x, y: 0 });
  const pointed = ([left, right]: readonly [object, object]) =>
    touch.of({ fingers: [left, right] as (typeof lifted)[] }).find(({ code }) => code === ABS_X)?.value;
  const seen = [
    [lifted, finger(1, 10)],
    [finger(2, 20), finger(1, 11)],
    [finger(2, 21), lifted],
    [finger(2, 22), finger(3, 30)],
    [finger(4, 40), finger(3, 31)], // another finger at once where the first was
    [lifted, lifted],
  ] as const;
  assert.deepEqual(seen.map(pointed), [10, 11, 21, 22, 31, undefined]);
});

test("the touchpad's button comes with the pad's state", () => {
  const touch = new TouchFrames(pad, named);
  assert.deepEqual(touch.press(state), [key(BTN_LEFT, 0)]);
  assert.deepEqual(touch.press({ ...state, buttons: gamepadButton("touchpad") }), [key(BTN_LEFT, 1)]);
});

test("motion has six axes with the device's ranges, and its time", () => {
  const ranges = {
    ...{ accelRange: 32_768, accelPerG: 8192, gyroRange: 2_097_152, gyroPerDegree: 1024 },
    motionFuzz: 10,
  };
  const motion = new MotionFrames({ ...pad, ...ranges }, named);
  assert.deepEqual(
    [
      motion.description.name,
      motion.description.axes!.map(({ maximum, resolution, fuzz }) => [maximum, resolution, fuzz]),
      motion.description.misc,
    ],
    [
      "a pad Motion Sensors",
      [...Array(3).fill([32_768, 8192, 10]), ...Array(3).fill([2_097_152, 1024, 10])],
      [MSC_TIMESTAMP],
    ],
  );
  assert.deepEqual(
    motion.of({ gyro: [1, 2, 3], accel: [4, 5, 6] }, 7).map(({ value }) => value),
    [4, 5, 6, 1, 2, 3, 7],
  );
});

test("a motion's time has 32 bits, of which the highest is the sign of the event's value", () => {
  const motion = new MotionFrames(pad, named);
  const timeOf = (timestampUs: number) =>
    motion.of({ gyro: [0, 0, 0], accel: [0, 0, 0] }, timestampUs).at(-1)!.value;
  assert.deepEqual([2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 2 ** 52].map(timeOf), [2 ** 31 - 1, -(2 ** 31), 5, 0]);
});
