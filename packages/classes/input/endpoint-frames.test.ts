// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ABS_PRESSURE,
  ABS_X,
  ABS_Y,
  BTN_LEFT,
  BTN_TOOL_PEN,
  BTN_TOUCH,
  EV_ABS,
  EV_KEY,
  EV_REL,
  KEY_A,
  KEY_B,
  KEY_C,
  LED_CAPSL,
  LED_NUML,
  REL_HWHEEL_HI_RES,
  REL_WHEEL,
  REL_WHEEL_HI_RES,
  REL_X,
  REL_Y,
} from "@ring3/kernel/uinput/codes";
import fc from "fast-check";
import {
  INPUT_ABSOLUTE,
  INPUT_KEYS,
  INPUT_LEDS,
  INPUT_PRESSURE,
  INPUT_RELATIVE,
  INPUT_REPEATS,
  INPUT_WHEEL,
  type InputProperties,
  input,
  KEYS_PRESSED_MAX,
} from "./contract.ts";
import { InputFrames, inputDescription } from "./endpoint-frames.ts";

const named = { name: "a device", phys: "here" };

function properties(features: number, codes: number[], rest: Partial<InputProperties> = {}): InputProperties {
  const keys = new Array<number>(24).fill(0);
  for (const code of codes) keys[code >>> 5] = (keys[code >>> 5]! | (1 << (code & 31))) >>> 0;
  return { ...input.properties!.create(), features, keys, ...rest };
}
const pressed = (...codes: number[]) => ({
  timestampUs: 0,
  pressed: [...codes, ...new Array<number>(KEYS_PRESSED_MAX - codes.length).fill(0)],
});
const key = (code: number, value: number) => ({ type: EV_KEY, code, value });
const rel = (code: number, value: number) => ({ type: EV_REL, code, value });

test("a keyboard has its keys and lights, and the kernel repeats those that are held", () => {
  const leds = (1 << LED_CAPSL) | (1 << LED_NUML);
  const {
    keys,
    leds: lights,
    repeats,
    relatives,
    axes,
  } = inputDescription(properties(INPUT_KEYS | INPUT_LEDS | INPUT_REPEATS, [KEY_A, 0x2ff], { leds }), named);
  assert.deepEqual(
    [keys, lights, repeats, relatives, axes],
    [[KEY_A, 0x2ff], [LED_NUML, LED_CAPSL], true, [], []],
  );
});

test("keys of a knob do not repeat, for it does not type", () => {
  const [KEY_MUTE, KEY_VOLUMEUP] = [113, 115]; // linux/input-event-codes.h
  const { repeats } = inputDescription(properties(INPUT_KEYS, [KEY_MUTE, KEY_VOLUMEUP]), named);
  assert.equal(repeats, false);
});

test("a mouse moves and rolls, and its buttons do not repeat", () => {
  const { relatives, repeats } = inputDescription(
    properties(INPUT_KEYS | INPUT_RELATIVE | INPUT_WHEEL, [BTN_LEFT]),
    named,
  );
  assert.deepEqual([relatives, repeats], [[REL_X, REL_Y, REL_WHEEL, REL_WHEEL_HI_RES], false]);
});

test("a tablet has a pen, a place and a pressure", () => {
  const size = { absoluteMaxX: 21_600, absoluteMaxY: 13_500, pressureMax: 2047 };
  const tablet = properties(INPUT_KEYS | INPUT_ABSOLUTE | INPUT_PRESSURE, [BTN_TOUCH], size);
  const { keys, axes } = inputDescription(tablet, named);
  assert.deepEqual(keys, [BTN_TOUCH, BTN_TOOL_PEN]);
  assert.deepEqual(
    axes!.map(({ code, maximum }) => [code, maximum]),
    [
      [ABS_X, 21_600],
      [ABS_Y, 13_500],
      [ABS_PRESSURE, 2047],
    ],
  );
  assert.deepEqual(new InputFrames(tablet).pointer({ x: 5, y: 6, pressure: 7, near: 1 }), [
    { type: EV_ABS, code: ABS_X, value: 5 },
    { type: EV_ABS, code: ABS_Y, value: 6 },
    { type: EV_ABS, code: ABS_PRESSURE, value: 7 },
    key(BTN_TOOL_PEN, 1),
  ]);
});

test("keys that went come before keys that came, in the order in which they were pressed", () => {
  const frames = new InputFrames(properties(INPUT_KEYS, [KEY_A, KEY_B, KEY_C]));
  assert.deepEqual(frames.keys(pressed(KEY_C, KEY_A)), [key(KEY_C, 1), key(KEY_A, 1)]);
  assert.deepEqual(frames.keys(pressed(KEY_C, KEY_B)), [key(KEY_A, 0), key(KEY_B, 1)]);
  assert.deepEqual(frames.keys(pressed(KEY_C, KEY_B)), []);
  frames.released();
  assert.deepEqual(frames.keys(pressed(KEY_C)), [key(KEY_C, 1)]);
});

test("whatever a driver says is pressed, each key goes down once and up once, and none that there is not", () => {
  const codes = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: KEYS_PRESSED_MAX });
  fc.assert(
    fc.property(fc.array(codes, { maxLength: 30 }), (states) => {
      const frames = new InputFrames(properties(INPUT_KEYS, []));
      const down = new Set<number>();
      for (const state of [...states, []])
        for (const { code, value } of frames.keys(pressed(...state))) {
          assert.ok(code > 0 && code < 0x300);
          assert.equal(down.has(code), value === 0);
          if (value === 1) down.add(code);
          else down.delete(code);
        }
      assert.equal(down.size, 0);
    }),
  );
});

test("a wheel's parts of a notch make whole ones, both ways", () => {
  const frames = new InputFrames(properties(INPUT_RELATIVE | INPUT_WHEEL, []));
  const roll = (wheel: number) => frames.motion({ x: 0, y: 0, wheel, horizontalWheel: 0 });
  assert.deepEqual(roll(90), [rel(REL_WHEEL_HI_RES, 90)]);
  assert.deepEqual(roll(90), [rel(REL_WHEEL_HI_RES, 90), rel(REL_WHEEL, 1)]);
  assert.deepEqual(roll(-180), [rel(REL_WHEEL_HI_RES, -180), rel(REL_WHEEL, -1)]);
  assert.deepEqual(frames.motion({ x: -3, y: 4, wheel: 0, horizontalWheel: 30 }), [
    rel(REL_X, -3),
    rel(REL_Y, 4),
    rel(REL_HWHEEL_HI_RES, 30),
  ]);
});

test("a tablet's axes are as fine as it says, which programs want to know of pens", () => {
  const fine = { absoluteMaxX: 5040, absoluteMaxY: 3780, pressureMax: 255, resolutionX: 40, resolutionY: 41 };
  const { axes } = inputDescription(properties(INPUT_ABSOLUTE | INPUT_PRESSURE, [], fine), named);
  assert.deepEqual(
    axes!.map(({ code, resolution }) => [code, resolution]),
    [
      [ABS_X, 40],
      [ABS_Y, 41],
      [ABS_PRESSURE, 0],
    ],
  );
});
