// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReportDescriptor } from "@ring3/core/hid/descriptor";
import {
  bootKeyboard,
  bytes,
  dualSense,
  dualShock4,
  mouse,
  wacomTablet,
  xboxController,
} from "@ring3/core/hid/descriptors.fixture";
import { CONTROLS_MAX, type GamepadButton, gamepadButton, gamepadButtons } from "@ring3/sdk";
import fc from "fast-check";
import { padsOf } from "./controls.ts";
import { adapter, flightStick, pads, pedals, plain } from "./pads.fixture.ts";

const USUAL = [0, 0, 0, 0, 0, 0];
const names = (bits: number): GamepadButton[] =>
  gamepadButtons.filter((name) => (bits & gamepadButton(name)) !== 0);
const only = (descriptor: Uint8Array) => {
  const [pad, ...more] = pads(descriptor);
  assert.deepEqual(more, []);
  return pad!;
};
/** Without what is nothing. */
const state = (descriptor: Uint8Array, ...reports: [id: number, report: string][]) => {
  const pad = only(descriptor);
  const { buttons, ...rest } = reports.map(([id, report]) => pad.take(id, bytes(report))).at(-1)!;
  return { ...rest, buttons: names(buttons) };
};

test("a pad has Linux's numbers: its own ranges, fuzz and flat by them, its ids", () => {
  const { properties } = only(plain);
  assert.deepEqual(
    { ...properties, buttons: names(properties.buttons) },
    {
      busType: 5,
      vendor: 0x1209,
      product: 2,
      version: 0x0111,
      features: 0,
      buttons: [
        ...(["south", "east", "north", "west", "leftShoulder", "rightShoulder"] as const),
        ...(["leftTrigger", "rightTrigger", "select", "start", "c", "z"] as const),
      ],
      stickMin: 0,
      stickMax: 255,
      stickFuzz: 0,
      stickFlat: 15,
      triggerMax: 0,
      sticks: 2,
      hat: 1,
      ...{
        touchMaxX: 0,
        touchMaxY: 0,
        accelRange: 0,
        accelPerG: 0,
        gyroRange: 0,
        gyroPerDegree: 0,
        motionFuzz: 0,
        axisCodes: USUAL,
      },
    },
  );
});

test("Z and Rz are the right stick; the hat's null state is its middle; buttons are numbered", () => {
  assert.deepEqual(state(plain, [0, "00 ff 80 40 08 00"]), {
    ...{ leftX: 0, leftY: 255, rightX: 0x80, rightY: 0x40, leftTrigger: 0, rightTrigger: 0 },
    ...{ hatX: 0, hatY: 0, buttons: [] },
  });
  assert.deepEqual(state(plain, [0, "00 ff 80 40 57 80"]).buttons, ["south", "start", "c"].sort(order));
});

const order = (a: string, b: string): number =>
  gamepadButtons.indexOf(a as GamepadButton) - gamepadButtons.indexOf(b as GamepadButton);

for (const [value, x, y] of [
  [0, 0, -1],
  [1, 1, -1],
  [2, 1, 0],
  [3, 1, 1],
  [4, 0, 1],
  [5, -1, 1],
  [6, -1, 0],
  [7, -1, -1],
  [8, 0, 0],
  [15, 0, 0],
] as const)
  test(`a hat from 0 to 7 at ${value} points to ${x}, ${y}; one from 1 to 8 does so at one more`, () => {
    const { hatX, hatY } = state(plain, [0, `80 80 80 80 0${value.toString(16)} 00`]);
    assert.deepEqual([hatX, hatY], [x, y]);
    const other = `${"00 80 ".repeat(4)}00 00 00 00 ${((value + 1) & 15).toString(16).padStart(2, "0")} 00 00`;
    const later = state(xboxController, [1, other]);
    assert.deepEqual([later.hatX, later.hatY], [x, y]);
  });

test("an Xbox controller's Rx and Ry are its stick, for they are as long as X; ten bits of Z and Rz its triggers", () => {
  const { properties } = only(xboxController);
  const { stickMin, stickMax, stickFuzz, stickFlat, triggerMax, sticks } = properties;
  assert.deepEqual(
    [stickMin, stickMax, stickFuzz, stickFlat, triggerMax, sticks],
    [-32768, 32767, 255, 4095, 1023, 2],
  );
  const report = "00 00 ff ff 00 80 34 12 ff 03 00 02 00 00 02";
  const { leftX, leftY, rightX, rightY, leftTrigger, rightTrigger, buttons } = state(xboxController, [
    1,
    report,
  ]);
  assert.deepEqual([leftX, leftY, rightX, rightY], [-32768, 32767, 0, 0x1234 - 0x8000]);
  assert.deepEqual([leftTrigger, rightTrigger, buttons], [1023, 512, ["rightTrigger"]]);
});

for (const [name, descriptor, report] of [
  ["DualShock 4", dualShock4, "01 02 03 04 08 00 00 05 06"],
  ["DualSense", dualSense, "01 02 03 04 05 06 00 08 00 00"],
] as const)
  test(`a ${name}'s Z and Rz are its stick, for they stand first; Rx and Ry its triggers`, () => {
    const { leftX, leftY, rightX, rightY, leftTrigger, rightTrigger } = state(descriptor, [1, report]);
    assert.deepEqual([leftX, leftY, rightX, rightY, leftTrigger, rightTrigger], [1, 2, 3, 4, 5, 6]);
  });

test("a joystick's turn and throttle are a second stick, scaled to the range of the first", () => {
  const { stickMin, stickMax, sticks } = only(flightStick).properties;
  assert.deepEqual([stickMin, stickMax, sticks], [0, 1023, 2]);
  const { leftX, leftY, rightX, rightY, hatX, hatY, buttons } = state(flightStick, [0, "ff 03 20 ff 01 00"]);
  assert.deepEqual([leftX, leftY, rightX, rightY, hatX, hatY], [1023, 0, 1023, 0, 1, 0]);
  assert.deepEqual(buttons, ["south"]);
});

test("pedals are triggers; four buttons a hat; controls of several reports are one state; what has not come rests", () => {
  const { properties } = only(pedals);
  assert.deepEqual(
    [properties.triggerMax, properties.hat, properties.sticks, names(properties.buttons)],
    [1023, 1, 2, ["select", "start", "mode", "capture"]],
  );
  assert.deepEqual(state(pedals, [8, "05"]), {
    ...{ leftX: 0, leftY: 0, rightX: 0, rightY: 0, leftTrigger: 0, rightTrigger: 0, hatX: 0, hatY: 0 },
    buttons: ["mode", "capture"],
  });
  // Up and left of the pad, Start.
  assert.deepEqual(state(pedals, [8, "01"], [7, "81 7f 00 80 ff 03 00 02 19"]), {
    ...{ leftX: -127, leftY: 127, rightX: 0, rightY: -127, leftTrigger: 1023, rightTrigger: 512 },
    ...{ hatX: -1, hatY: -1, buttons: ["start", "mode"] },
  });
});

test("an adapter for two is two pads, and each knows its own reports only", () => {
  const [one, two, ...more] = pads(adapter);
  assert.equal(more.length, 0);
  assert.deepEqual(names(one!.take(1, Uint8Array.of(1, 2, 1))!.buttons), ["south"]);
  assert.equal(two!.take(1, Uint8Array.of(1, 2, 1)), undefined);
  assert.equal(one!.take(3, Uint8Array.of(1)), undefined);
  assert.equal(two!.take(2, Uint8Array.of(9, 2, 1))!.leftX, 9);
});

test("what a report lacks counts as zero, and what is too much does not count", () => {
  assert.equal(state(plain, [0, "10"]).leftY, 0);
  assert.equal(state(plain, [0, "10 20 30 40 08 00 ff ff ff"]).rightY, 0x40);
});

test("a value out of its range is cut; where there is a null state, it changes nothing", () => {
  const range = (flags: string) =>
    bytes(`05 01 09 05 a1 01 09 30 15 0a 25 14 75 08 95 01 81 ${flags} 09 31 81 ${flags} c0`);
  assert.deepEqual(
    ["00 ff", "0a 14"]
      .map((report) => state(range("02"), [0, report]))
      .map(({ leftX, leftY }) => [leftX, leftY]),
    [
      [10, 20],
      [10, 20],
    ],
  );
  const { leftX, leftY } = state(range("42"), [0, "0b 0c"], [0, "00 0d"]);
  assert.deepEqual([leftX, leftY], [11, 13]);
});

test("buttons beyond sixteen, and those that there is no name for", () => {
  const many = bytes("05 01 09 05 a1 01 05 09 19 01 29 40 15 00 25 01 75 01 95 40 81 02 c0");
  const { buttons, sticks, hat } = only(many).properties;
  assert.deepEqual([sticks, hat], [0, 0]);
  const missing = gamepadButtons.filter((name) => (buttons & gamepadButton(name)) === 0);
  assert.deepEqual(missing, ["capture", "touchpad", "mute"]);
  assert.deepEqual(state(many, [0, "00 00 01 80 ff ff ff ff"]).buttons, ["extra2"]);
});

test("triggers that stand before the sticks are triggers all the same, for their range is another", () => {
  const early = bytes(
    "05 01 09 05 a1 01 09 30 09 31 15 00 26 ff 00 75 08 95 02 81 02",
    "09 32 09 35 25 3f 81 02 09 33 09 34 26 ff 00 81 02 c0",
  );
  const { rightX, rightY, leftTrigger, rightTrigger } = state(early, [0, "01 02 03 04 05 06"]);
  assert.deepEqual([rightX, rightY, leftTrigger, rightTrigger], [5, 6, 3, 4]);
});

test("what moves by steps is no stick, what is declared twice counts once, and what is constant not at all", () => {
  const odd = bytes(
    "05 01 09 05 a1 01 09 30 09 31 15 81 25 7f 75 08 95 02 81 06", // relative
    "05 09 09 01 15 00 25 01 75 08 95 01 81 02 09 01 81 02 09 02 81 03 c0",
  );
  const { sticks, buttons } = only(odd).properties;
  assert.deepEqual([sticks, names(buttons)], [0, ["south"]]);
  assert.deepEqual(state(odd, [0, "7f 7f 00 01 01"]).buttons, []);
});

test("a hat of sixteen directions points in eight, and below its range nowhere", () => {
  const fine = bytes("05 01 09 05 a1 01 09 39 15 01 25 10 75 08 95 01 81 02 c0");
  const pointed = ["00", "01", "02", "03", "10", "11"].map((report) => state(fine, [0, report]));
  assert.deepEqual(
    pointed.map(({ hatX, hatY }) => [hatX, hatY]),
    [
      [0, 0],
      [0, -1],
      [0, -1],
      [1, -1],
      [-1, -1],
      [0, 0],
    ],
  );
});

const extraSlider = bytes(
  "05 01 09 05 a1 01 09 30 09 31 09 32 09 35 09 36 15 00 26 ff 00 75 08 95 05 81 02 c0",
);
const oneStick = bytes("05 01 09 05 a1 01 09 31 15 00 26 ff 00 75 08 95 01 81 02 05 02 09 c4 81 02 c0");
for (const [name, descriptor, axisCodes] of [
  ["X, Y, Z, Rz are the usual ones", plain, USUAL],
  ["X, Y, Z, Rx, Ry, Rz with Z and Rz as triggers are the usual ones", xboxController, USUAL],
  ["X, Y, Rz and a slider are the usual ones", flightStick, USUAL],
  ["X, Y, Z, Rz are the usual ones whatever comes behind them", extraSlider, USUAL],
  ["X, Y, Z, Rx, Ry, Rz with Rx and Ry as triggers stay Linux's", dualShock4, [0, 1, 2, 5, 3, 4]],
  ["X, Y, Z, Rz with pedals stay Linux's", pedals, [0, 1, 2, 5, 10, 9]],
  ["those that the class has and the pad has not stand behind Linux's", oneStick, [10, 1, 11, 12, 13, 9]],
] as const)
  test(`programs that count axes know them: ${name}`, () => {
    const { properties } = only(descriptor);
    assert.deepEqual([properties.axisCodes, properties.version], [axisCodes, 0x0111]);
  });

test("a keyboard, a mouse, a tablet and a pad without controls are no pads", () => {
  for (const descriptor of [
    bootKeyboard,
    mouse,
    wacomTablet,
    bytes("05 01 09 05 a1 01 75 08 95 04 81 03 c0"),
  ])
    assert.deepEqual(pads(descriptor), []);
});

test("what was pressed before a rest is not pressed after it, whichever report comes first", () => {
  const pad = only(pedals);
  pad.take(7, bytes("7f 7f 00 00 ff 03 00 00 01"));
  const held = pad.take(8, bytes("02"))!;
  assert.deepEqual([names(held.buttons), held.leftX, held.hatY], [["select"], 127, -1]);
  pad.forget();
  const { buttons, leftX, leftY, hatY, rightTrigger, leftTrigger } = pad.take(8, bytes("01"))!;
  assert.deepEqual(
    [names(buttons), leftX, leftY, hatY, rightTrigger, leftTrigger],
    [["mode"], 0, 0, 0, 0, 0],
  );
});

test("a descriptor that asks for millions of controls gets four thousand, and what it had before them works", () => {
  const many = bytes("05 09 19 01 29 08 15 00 25 01 75 01 96 00 10", "81 02 ".repeat(30));
  const reports = Array.from({ length: 50 }, (_, at) => [0x85, 2 + at, ...many]).flat();
  const hostile = Uint8Array.of(
    ...bytes("05 01 09 05 a1 01 85 01 05 09 19 01 29 08 15 00 25 01 75 01 95 08 81 02"),
    ...[...reports, 0xc0],
  );
  const { collections, layout } = parseReportDescriptor(hostile);
  const values = padsOf(collections, layout)[0]!.reports.map(({ report }) => report.values.length);
  const total = values.reduce((sum, count) => sum + count, 0);
  assert.ok(total >= 8 && total <= CONTROLS_MAX, `${total}`);
  assert.deepEqual(state(hostile, [1, "02"]).buttons, ["east"]);
});

const descriptors = [plain, flightStick, pedals, adapter, xboxController, dualShock4, dualSense];

test("whatever comes, a state is within what its pad says", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...descriptors),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.uint8Array({ maxLength: 70 })), { maxLength: 5 }),
      (descriptor, reports) => {
        for (const pad of pads(descriptor))
          for (const [id, report] of reports) {
            const state = pad.take(id, report);
            if (state === undefined) continue;
            const { stickMin, stickMax, triggerMax, buttons } = pad.properties;
            for (const value of [state.leftX, state.leftY, state.rightX, state.rightY])
              assert.ok(Number.isInteger(value) && value >= stickMin && value <= stickMax, `${value}`);
            for (const value of [state.leftTrigger, state.rightTrigger])
              assert.ok(Number.isInteger(value) && value >= 0 && value <= triggerMax, `${value}`);
            for (const value of [state.hatX, state.hatY]) assert.ok([-1, 0, 1].includes(value));
            assert.equal(state.buttons & ~buttons, 0);
          }
      },
    ),
  );
});
