// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReportDescriptor } from "@ring3/core/hid/descriptor";
import {
  bootKeyboard,
  bytes,
  dualSense,
  mouse,
  nkroKeyboard,
  touchscreen,
  wacomTablet,
  xboxController,
} from "@ring3/core/hid/descriptors.fixture";
import {
  CONTROLS_MAX,
  INPUT_ABSOLUTE,
  INPUT_HORIZONTAL_WHEEL,
  INPUT_KEYS,
  INPUT_LEDS,
  INPUT_POWER,
  INPUT_PRESSURE,
  INPUT_RELATIVE,
  INPUT_REPEATS,
  INPUT_WHEEL,
  input,
} from "@ring3/sdk";
import fc from "fast-check";
import { applicationsOf } from "./applications.ts";
import { controlsOf } from "./controls.ts";
import {
  codesOf,
  fineMouse,
  macroPad,
  only,
  plainPen,
  pressed,
  qemuTablet,
  unitsOf,
} from "./devices.fixture.ts";

// linux/input-event-codes.h
const [KEY_A, KEY_B, KEY_C, KEY_LEFTSHIFT, KEY_MUTE, KEY_VOLUMEDOWN, KEY_VOLUMEUP] = [
  30, 48, 46, 42, 113, 114, 115,
];
const [BTN_LEFT, BTN_RIGHT, BTN_TOOL_RUBBER, BTN_TOUCH, BTN_STYLUS] = [0x110, 0x111, 0x141, 0x14a, 0x14b];
const KEY_MACRO1 = 0x290;

test("a boot keyboard: its keys by Linux's codes, five lights, ids and version of the device", () => {
  const unit = only(bootKeyboard);
  const { keys: _, ...rest } = unit.properties;
  assert.deepEqual(rest, {
    ...{
      busType: 5,
      vendor: 0x1209,
      product: 3,
      version: 0x0111,
      features: INPUT_KEYS | INPUT_LEDS | INPUT_REPEATS,
    },
    ...{ absoluteMaxX: 0, absoluteMaxY: 0, pressureMax: 0, leds: 0b11111, dpi: 0 },
    ...{ resolutionX: 0, resolutionY: 0 },
  });
  const codes = codesOf(unit);
  assert.equal(codes.length, 105); // 0x04 to 0x65 are 98, two of them KEY_BACKSLASH; eight modifiers
  assert.deepEqual(
    [KEY_A, KEY_LEFTSHIFT, 86, 127].filter((code) => !codes.includes(code)),
    [],
  );
});

test("keys are told in the order in which they were pressed, whatever their places in the report", () => {
  const unit = only(bootKeyboard);
  const told = [
    "00 00 05 00 00 00 00 00", // B
    "02 00 05 04 00 00 00 00", // and Shift and A
    "02 00 04 06 00 00 00 00", // B is let go, C comes
    "00 00 00 00 00 00 00 00",
  ].map((report) => pressed(unit.take(0, bytes(report))));
  assert.deepEqual(told, [[KEY_B], [KEY_B, KEY_LEFTSHIFT, KEY_A], [KEY_LEFTSHIFT, KEY_A, KEY_C], []]);
});

test("too many keys to tell which: those before stay, modifiers are told", () => {
  const unit = only(bootKeyboard);
  const told = ["00 00 04 05 00 00 00 00", "02 00 01 01 01 01 01 01", "00 00 04 00 00 00 00 00"].map(
    (report) => pressed(unit.take(0, bytes(report))),
  );
  assert.deepEqual(told, [[KEY_A, KEY_B], [KEY_A, KEY_B, KEY_LEFTSHIFT], [KEY_A]]);
});

test("more keys than an event has room for: those pressed last are left out, and come when there is room", () => {
  const keys = (count: number) => Uint8Array.of(0, ...bitmap(count)); // of a keyboard with a bit for each key
  const unit = unitsOf(nkroKeyboard).find(({ name }) => name.endsWith("Keyboard"))!;
  const twenty = pressed(unit.take(6, keys(20)));
  assert.equal(twenty.length, 15);
  assert.deepEqual(twenty.slice(0, 3), [KEY_A, KEY_B, KEY_C]);
  const fewer = pressed(
    unit.take(
      6,
      keys(17).map((byte, at) => (at === 1 ? 0 : byte)),
    ),
  ); // A to D are let go
  assert.equal(fewer.length, 13);
});

/** The first `count` letters and what is behind them, from usage 4 on. */
function bitmap(count: number): number[] {
  const bits = new Array<number>(30).fill(0);
  for (let usage = 4; usage < 4 + count; usage++) bits[usage >> 3]! |= 1 << (usage & 7);
  return bits;
}

test("an NKRO keyboard's controls that stand before its keys are units of their own, as in Linux", () => {
  const units = unitsOf(nkroKeyboard);
  assert.deepEqual(
    units.map(({ name }) => name),
    ["Acme System Control", "Acme Consumer Control", "Acme Keyboard"],
  );
  assert.deepEqual(pressed(units[1]!.take(4, bytes("e9 00"))), [KEY_VOLUMEUP]);
  assert.deepEqual(pressed(units[0]!.take(3, bytes("82 00"))), [142]); // KEY_SLEEP
  assert.equal(units[0]!.take(4, bytes("e9 00")), undefined);
  assert.equal(codesOf(units[0]!).length, 19); // those of 0x81 to 0xb7 that Linux has a key for
});

test("controls behind a keyboard are a part of it", () => {
  const behind = Uint8Array.of(
    ...bytes("05 01 09 06 a1 01 85 01 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02 c0"),
    ...bytes("05 0c 09 01 a1 01 85 02 19 00 2a 3c 02 15 00 26 3c 02 75 10 95 01 81 00 c0"),
  );
  const unit = only(behind);
  assert.equal(unit.name, "Acme Keyboard");
  unit.take(1, bytes("02"));
  assert.deepEqual(pressed(unit.take(2, bytes("e2 00"))), [KEY_LEFTSHIFT, KEY_MUTE]);
  assert.deepEqual(pressed(unit.take(1, bytes("00"))), [KEY_MUTE]);
});

test("only what types repeats: a keyboard with its media keys does, media keys by themselves and a knob do not", () => {
  const repeating = (descriptor: Uint8Array): boolean[] =>
    unitsOf(descriptor).map(({ properties }) => (properties.features & INPUT_REPEATS) !== 0);
  assert.deepEqual(repeating(nkroKeyboard), [false, false, true]);
  assert.deepEqual(repeating(macroPad), [false]);
});

test("what was pressed before a rest is not pressed after it, whichever report comes first", () => {
  const [unit] = unitsOf(
    Uint8Array.of(
      ...bytes("05 01 09 06 a1 01 85 01 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02"),
      ...bytes("75 08 95 03 26 65 00 19 00 29 65 81 00 c0"),
      ...bytes("05 0c 09 01 a1 01 85 02 19 00 2a 3c 02 15 00 26 3c 02 75 10 95 01 81 00 c0"),
    ),
  );
  assert.deepEqual(pressed(unit!.take(1, bytes("02 04 00 00"))), [KEY_LEFTSHIFT, KEY_A]);
  unit!.forget();
  assert.deepEqual(pressed(unit!.take(2, bytes("e2 00"))), [KEY_MUTE]);
  assert.deepEqual(pressed(unit!.take(1, bytes("00 01 01 01"))), [KEY_MUTE]); // too many to tell which: those before are none
});

test("where a pointer was before a rest is not told after it, until it says so", () => {
  const unit = only(
    bytes(
      "05 01 09 02 a1 01 85 01 09 30 09 31 15 00 25 7f 75 08 95 02 81 02",
      "85 02 05 09 19 01 29 08 15 00 25 01 75 01 95 08 81 02 c0",
    ),
  );
  assert.equal(unit.take(1, bytes("05 06"))!.pointer!.x, 5);
  unit.forget();
  assert.equal(unit.take(2, bytes("01"))!.pointer, undefined);
  assert.equal(unit.take(1, bytes("07 08"))!.pointer!.y, 8);
});

test("a descriptor that asks for millions of controls gets four thousand, and what it had before them works", () => {
  const many = bytes("05 09 19 01 29 08 15 00 25 01 75 01 96 00 10", "81 02 ".repeat(30));
  const reports = Array.from({ length: 50 }, (_, at) => [0x85, 2 + at, ...many]).flat();
  const boot = bytes("05 01 09 06 a1 01 85 01 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02");
  const hostile = Uint8Array.of(...boot, ...reports, 0xc0);
  const { collections, layout } = parseReportDescriptor(hostile);
  const [application] = applicationsOf(collections, "Acme");
  const { keys } = controlsOf(application!, layout);
  assert.ok(keys.length >= 8 && keys.length <= CONTROLS_MAX, `${keys.length}`);
  assert.deepEqual(pressed(only(hostile).take(1, bytes("02"))), [KEY_LEFTSHIFT]);
});

test("a device that is called Mouse already is not called so again", () => {
  const { collections } = parseReportDescriptor(wacomTablet);
  assert.equal(applicationsOf(collections, "Acme Mouse")[0]!.name, "Acme Mouse");
});

test("a boot mouse: buttons and movement; what has not moved is not told", () => {
  const unit = only(mouse);
  assert.equal(unit.properties.features, INPUT_KEYS | INPUT_RELATIVE);
  assert.deepEqual(codesOf(unit), [BTN_LEFT, BTN_RIGHT, 0x112]);
  const { motion, keys } = unit.take(0, bytes("03 ff 7f"))!;
  assert.deepEqual(motion, { x: -1, y: 127, wheel: 0, horizontalWheel: 0 });
  assert.deepEqual(keys.pressed.slice(0, 3), [BTN_LEFT, BTN_RIGHT, 0]);
  assert.equal(unit.take(0, bytes("03 00 00"))!.motion, undefined);
});

test("twelve bits each way, cut to their range; wheels by whole notches, for nothing was multiplied", () => {
  const unit = only(fineMouse);
  assert.equal(unit.properties.features, INPUT_KEYS | INPUT_RELATIVE | INPUT_WHEEL | INPUT_HORIZONTAL_WHEEL);
  assert.deepEqual(unit.take(5, bytes("01 ff e7 ff ff 01"))!.motion, {
    ...{ x: 0x7ff, y: -2 },
    ...{ wheel: -120, horizontalWheel: 120 },
  });
  assert.equal(unit.take(5, bytes("00 00 08 80 00 00"))!.motion!.x, -0x7ff); // -0x800 is beyond it
});

test("what moved is told once, also when another report of the same mouse follows", () => {
  const unit = only(
    bytes(
      "05 01 09 02 a1 01 85 01 09 30 09 31 15 81 25 7f 75 08 95 02 81 06",
      "85 02 05 09 19 01 29 08 15 00 25 01 75 01 95 08 81 02 c0",
    ),
  );
  assert.equal(unit.take(1, bytes("05 05"))!.motion!.x, 5);
  const clicked = unit.take(2, bytes("01"))!;
  assert.deepEqual([clicked.motion, pressed(clicked)], [undefined, [BTN_LEFT]]);
});

test("a tablet: where the pointer is, and a wheel that is told once", () => {
  const unit = only(qemuTablet);
  const { features, absoluteMaxX, absoluteMaxY } = unit.properties;
  assert.deepEqual(
    [features, absoluteMaxX, absoluteMaxY],
    [INPUT_KEYS | INPUT_ABSOLUTE | INPUT_WHEEL, 0x7fff, 0x7fff],
  );
  const { pointer, motion } = unit.take(0, bytes("01 34 12 ff 7f ff"))!;
  assert.deepEqual(pointer, { x: 0x1234, y: 0x7fff, pressure: 0, near: 1 });
  assert.deepEqual(motion, { x: 0, y: 0, wheel: -120, horizontalWheel: 0 });
});

/** Report 16 of a Wacom tablet: switches, X and Y of 24 bits, pressure of 16. */
const wacom = (switches: number, x: number, y: number, pressure: number) =>
  Uint8Array.of(
    switches,
    ...[x, x >> 8, 0, y, y >> 8, 0, pressure, pressure >> 8].map((byte) => byte & 0xff),
  );
const [TIP, BARREL, ERASER, INVERT, IN_RANGE] = [1, 2, 8, 16, 32];

test("a pen by Wacom's page is one by the others' numbers: near, touching, its button, pressure", () => {
  const units = unitsOf(wacomTablet);
  assert.deepEqual(
    units.map(({ name }) => name),
    ["Acme Mouse", "Acme"],
  );
  const pen = units[1]!;
  const { features, absoluteMaxX, absoluteMaxY, pressureMax } = pen.properties;
  assert.deepEqual(
    [features, absoluteMaxX, absoluteMaxY, pressureMax],
    [INPUT_KEYS | INPUT_ABSOLUTE | INPUT_PRESSURE, 0xaf00, 0x73a0, 0x1fff],
  );
  assert.deepEqual(codesOf(pen), [BTN_TOOL_RUBBER, BTN_TOUCH, BTN_STYLUS, 0x14c]);
  const near = pen.take(16, wacom(IN_RANGE, 1000, 2000, 0))!;
  assert.deepEqual([near.pointer, pressed(near)], [{ x: 1000, y: 2000, pressure: 0, near: 1 }, []]);
  const touching = pen.take(16, wacom(IN_RANGE | TIP | BARREL, 1000, 2000, 300))!;
  assert.deepEqual([touching.pointer!.pressure, pressed(touching)], [300, [BTN_STYLUS, BTN_TOUCH]]);
  const away = pen.take(16, wacom(0, 1000, 2000, 0))!;
  assert.deepEqual([away.pointer!.near, pressed(away), away.isLifted], [0, [], true]);
});

test("a pen turned over is a rubber and no pen; so is one whose eraser touches", () => {
  const pen = unitsOf(wacomTablet)[1]!;
  const over = pen.take(16, wacom(IN_RANGE | INVERT, 1, 1, 0))!;
  assert.deepEqual([over.pointer!.near, pressed(over)], [0, [BTN_TOOL_RUBBER]]);
  const erasing = pen.take(16, wacom(IN_RANGE | ERASER, 1, 1, 9))!;
  assert.deepEqual([erasing.pointer!.near, pressed(erasing)], [0, [BTN_TOOL_RUBBER, BTN_TOUCH]]);
  const away = pen.take(16, wacom(ERASER, 1, 1, 9))!; // what is out of range touches nothing
  assert.deepEqual([away.pointer!.near, pressed(away)], [0, []]);
});

test("a pen without tip switch and range touches by an eighth of its pressure; positions begin at 0; a battery", () => {
  const pen = only(plainPen);
  assert.equal(pen.properties.features, INPUT_KEYS | INPUT_ABSOLUTE | INPUT_POWER);
  const light = pen.take(0, bytes("8a 00 9c 64 07 00"))!; // pressure 10 + 128
  assert.deepEqual([light.pointer, pressed(light)], [{ x: 0, y: 200, pressure: 128, near: 1 }, []]);
  assert.equal(light.percent, 70);
  assert.deepEqual(pressed(pen.take(0, bytes("8b 00 00 00 0a 00"))), [BTN_TOUCH]);
});

test("a touchscreen's first finger is its pointer", () => {
  const [screen] = unitsOf(touchscreen);
  assert.equal(screen!.name, "Acme Touchscreen");
  const { pointer, keys } = screen!.take(4, bytes("03 34 12 78 56"))!;
  assert.deepEqual(pointer, { x: 0x1234, y: 0x5678, pressure: 0, near: 1 });
  assert.deepEqual(keys.pressed[0], BTN_TOUCH);
});

test("macro buttons; a knob that tells steps; a key that tells that it was pressed", () => {
  const unit = only(macroPad);
  const codes = codesOf(unit);
  assert.deepEqual(
    [codes.includes(KEY_MACRO1 + 29), codes.includes(0x2c0), codes.includes(0x2c1)],
    [true, true, true],
  );
  const said = unit.take(1, bytes("01 00 00 80 fe 01"))!;
  assert.deepEqual(pressed(said), [KEY_MACRO1, 0x2c1]);
  assert.deepEqual(said.taps, [KEY_MUTE, KEY_VOLUMEDOWN, KEY_VOLUMEDOWN]);
  assert.equal(pressed({ keys: unit.keysWith(KEY_MUTE) }).at(-1), KEY_MUTE);
  assert.deepEqual(unit.take(1, bytes("00 00 00 00 03 00"))!.taps, [115, 115, 115]);
});

test("pads and what only their maker knows are no units", () => {
  for (const descriptor of [
    dualSense,
    xboxController,
    bytes("06 00 ff 09 01 a1 01 09 01 75 08 95 04 81 02 c0"),
  ])
    assert.deepEqual(unitsOf(descriptor), []);
  assert.deepEqual(unitsOf(bytes("05 01 09 06 a1 01 75 08 95 04 81 03 c0")), []); // a keyboard without keys
});

const all = [
  bootKeyboard,
  nkroKeyboard,
  mouse,
  fineMouse,
  qemuTablet,
  wacomTablet,
  touchscreen,
  macroPad,
  plainPen,
];

test("whatever comes, what is said fits into its events, and no key is told that was not announced", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...all),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 17 }), fc.uint8Array({ maxLength: 70 })), { maxLength: 5 }),
      (descriptor, reports) => {
        for (const unit of unitsOf(descriptor)) {
          const codes = new Set(codesOf(unit));
          for (const [id, report] of reports) {
            const said = unit.take(id, report);
            if (said === undefined) continue;
            const { motion, pointer, keys, taps, percent } = said;
            fits("keys", keys);
            if (motion !== undefined) fits("motion", motion);
            if (pointer !== undefined) {
              fits("pointer", pointer);
              const { absoluteMaxX, absoluteMaxY, pressureMax } = unit.properties;
              assert.ok(
                pointer.x <= absoluteMaxX && pointer.y <= absoluteMaxY && pointer.pressure <= pressureMax,
              );
            }
            assert.ok(percent === undefined || (percent >= 0 && percent <= 100));
            for (const code of [...pressed(said), ...taps]) assert.ok(codes.has(code), `${code}`);
          }
        }
      },
    ),
  );
});

test("whatever range a mouse gives its movement, what is told of it fits into its event", () => {
  const item = (tag: number, value: number): number[] => {
    const bytes = new DataView(new ArrayBuffer(4));
    bytes.setInt32(0, value | 0, true);
    return [tag | 3, ...new Uint8Array(bytes.buffer)];
  };
  const range = fc
    .integer({ min: -0x8000_0000, max: 0x7fff_ffff })
    .chain((min) =>
      fc.tuple(fc.constant(min), fc.integer({ min, max: min < 0 ? 0x7fff_ffff : 0xffff_ffff })),
    );
  fc.assert(
    fc.property(
      range,
      fc.integer({ min: 1, max: 32 }),
      fc.uint8Array({ maxLength: 9 }),
      (given, bits, report) => {
        const [minimum, maximum] = given;
        const [unit] = unitsOf(
          Uint8Array.of(
            ...[0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x30, 0x09, 0x31],
            ...[...item(0x14, minimum), ...item(0x24, maximum), 0x75, bits, 0x95, 0x02, 0x81, 0x06, 0xc0],
          ),
        );
        const motion = unit!.take(0, report)!.motion;
        if (motion !== undefined) fits("motion", motion);
      },
    ),
    { numRuns: 300, examples: [[[0, 0xffff_ffff], 32, bytes("ff ff ff ff ff ff ff ff")]] },
  );
});

function fits(event: "keys" | "motion" | "pointer", data: object): void {
  const struct = input.events[event].data!;
  struct.encode({ ...data, timestampUs: 0 } as never, new DataView(new ArrayBuffer(struct.size)), 0);
}
