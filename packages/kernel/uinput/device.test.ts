// Runs in: tests. Owns: a device on the scripted kernel: what it asks and writes, byte for byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ABS_HAT0X,
  ABS_MT_POSITION_X,
  ABS_MT_SLOT,
  ABS_MT_TRACKING_ID,
  ABS_RX,
  ABS_X,
  BTN_SOUTH,
  BTN_START,
  EV_ABS,
  EV_FF,
  EV_KEY,
  EV_LED,
  EV_MSC,
  EV_REL,
  EV_REP,
  EV_SW,
  EV_SYN,
  FF_GAIN,
  FF_PERIODIC,
  FF_RUMBLE,
  FF_SINE,
  FF_SQUARE,
  FF_TRIANGLE,
  INPUT_PROP_POINTER,
  KEY_A,
  LED_CAPSL,
  MSC_SCAN,
  REL_WHEEL,
  REL_X,
  SW_LID,
  SYN_REPORT,
} from "./codes.ts";
import { inputEvent, uinputAbsSetup, uinputSetup } from "./constants.ts";
import { axis, create, pad } from "./created.fixture.ts";
import { ScriptedUinput, type Triple } from "./scripted-uinput.fixture.ts";

const EINVAL = 22;
const REPORT: Triple = [EV_SYN, SYN_REPORT, 0];

const asked = (kernel: ScriptedUinput) =>
  kernel.ioctls.map(({ name, argument }) => (typeof argument === "number" ? [name, argument] : name));
const argumentOf = (kernel: ScriptedUinput, name: string) => {
  const { argument } = kernel.ioctls.find((call) => call.name === name)!;
  return argument as Uint8Array;
};

test("a pad is set up before it is created: its place, keys, axes, effects, name, in this order", () => {
  const { kernel } = create();
  assert.deepEqual(asked(kernel), [
    "UI_SET_PHYS",
    ["UI_SET_EVBIT", EV_KEY],
    ["UI_SET_KEYBIT", BTN_SOUTH],
    ["UI_SET_KEYBIT", BTN_START],
    ["UI_SET_EVBIT", EV_ABS],
    "UI_ABS_SETUP",
    "UI_ABS_SETUP",
    ["UI_SET_EVBIT", EV_FF],
    ...[FF_RUMBLE, FF_PERIODIC, FF_SQUARE, FF_TRIANGLE, FF_SINE, FF_GAIN].map((bit) => ["UI_SET_FFBIT", bit]),
    "UI_DEV_SETUP",
    ["UI_DEV_CREATE", 0],
  ]);
  assert.equal(new TextDecoder().decode(argumentOf(kernel, "UI_SET_PHYS")), "ring3-usb-1/input0\0");
  const setup = new DataView(argumentOf(kernel, "UI_DEV_SETUP").buffer);
  const { name, ...rest } = uinputSetup.decode(setup, 0);
  assert.equal(new TextDecoder().decode(name), "Test Pad".padEnd(80, "\0"));
  assert.deepEqual(rest, { ...pad.ids, ffEffectsMax: 16 });
});

test("a keyboard with a wheel, a lid and a light: each kind of event with its codes, and no force feedback", () => {
  const { kernel } = create({
    name: "Odd",
    phys: "x",
    ids: pad.ids,
    keys: [KEY_A],
    relatives: [REL_X, REL_WHEEL],
    properties: [INPUT_PROP_POINTER],
    switches: [SW_LID],
    leds: [LED_CAPSL],
    misc: [MSC_SCAN],
    repeats: true,
  });
  assert.deepEqual(asked(kernel).slice(1, -2), [
    ["UI_SET_PROPBIT", INPUT_PROP_POINTER],
    ["UI_SET_EVBIT", EV_KEY],
    ["UI_SET_KEYBIT", KEY_A],
    ["UI_SET_EVBIT", EV_REL],
    ["UI_SET_RELBIT", REL_X],
    ["UI_SET_RELBIT", REL_WHEEL],
    ["UI_SET_EVBIT", EV_MSC],
    ["UI_SET_MSCBIT", MSC_SCAN],
    ["UI_SET_EVBIT", EV_SW],
    ["UI_SET_SWBIT", SW_LID],
    ["UI_SET_EVBIT", EV_LED],
    ["UI_SET_LEDBIT", LED_CAPSL],
    ["UI_SET_EVBIT", EV_REP],
  ]);
});

test("an axis begins at rest; one that has none begins at its minimum", () => {
  const { kernel } = create({
    ...pad,
    axes: [axis(ABS_RX, { rest: 5 }), axis(ABS_X, { minimum: 100, maximum: 200, rest: null })],
  });
  const setups = kernel.ioctls.flatMap(({ name, argument }) =>
    name === "UI_ABS_SETUP" ? [uinputAbsSetup.decode(new DataView((argument as Uint8Array).buffer), 0)] : [],
  );
  const common = { filler: 0, fuzz: 1, flat: 2, resolution: 3 };
  assert.deepEqual(setups, [
    { ...common, code: ABS_RX, value: 5, minimum: -128, maximum: 127 },
    { ...common, code: ABS_X, value: 100, minimum: 100, maximum: 200 },
  ]);
});

test("a long name is cut between characters, with its NUL", () => {
  const { kernel } = create({ ...pad, name: `${"x".repeat(78)}é` });
  const { name } = uinputSetup.decode(new DataView(argumentOf(kernel, "UI_DEV_SETUP").buffer), 0);
  assert.equal(new TextDecoder().decode(name), `${"x".repeat(78)}\0\0`);
});

test("what the kernel refuses is told, and the descriptor is closed", () => {
  const kernel = new ScriptedUinput();
  kernel.ioctlAnswers.set("UI_ABS_SETUP", -EINVAL);
  assert.throws(() => create(pad, kernel), {
    errno: EINVAL,
    message: /^make the input device "Test Pad": axis 0: EINVAL/,
  });
  assert.ok(kernel.closed);
});

test("its name in sysfs is asked of the kernel", () => {
  const { kernel, device } = create();
  kernel.sysname = "input4711";
  assert.equal(device.sysname(), "input4711");
});

test("a frame is one write that ends with SYN_REPORT; each number of events has its memory once", () => {
  const { kernel, device } = create();
  const events = [
    { type: EV_KEY, code: BTN_SOUTH, value: 1 },
    { type: EV_ABS, code: ABS_X, value: -128 },
  ];
  device.frame(events);
  events[1]!.value = 127;
  device.frame(events);
  device.frame([]);
  device.frame(events.slice(0, 1));
  device.frame(events);
  device.frame([...events, ...events]);
  device.frame(events.slice(1));
  const [south, left, right] = [
    [EV_KEY, BTN_SOUTH, 1],
    [EV_ABS, ABS_X, -128],
    [EV_ABS, ABS_X, 127],
  ] as const;
  assert.deepEqual(kernel.frames, [
    [south, left, REPORT],
    [south, right, REPORT],
    [REPORT],
    [south, REPORT],
    [south, right, REPORT],
    [south, right, south, right, REPORT],
    [right, REPORT],
  ]);
  const [first, second, , , third] = kernel.written;
  assert.ok(first === second && second === third);
  assert.equal(first!.length, 3 * inputEvent.size);
});

test("release: keys up, axes at rest, fingers lifted; what has no rest stays", () => {
  const { kernel, device } = create({
    ...pad,
    axes: [
      axis(ABS_HAT0X, { rest: 0 }),
      axis(ABS_RX, { rest: 128 }),
      axis(ABS_X, { rest: null }),
      axis(ABS_MT_SLOT, { minimum: 0, maximum: 1, rest: null }),
      axis(ABS_MT_TRACKING_ID, { minimum: 0, maximum: 65535, rest: null }),
      axis(ABS_MT_POSITION_X, { rest: null }),
    ],
  });
  device.release();
  assert.deepEqual(kernel.frames, [
    [
      [EV_KEY, BTN_SOUTH, 0],
      [EV_KEY, BTN_START, 0],
      [EV_ABS, ABS_HAT0X, 0],
      [EV_ABS, ABS_RX, 128],
      [EV_ABS, ABS_MT_SLOT, 0],
      [EV_ABS, ABS_MT_TRACKING_ID, -1],
      [EV_ABS, ABS_MT_SLOT, 1],
      [EV_ABS, ABS_MT_TRACKING_ID, -1],
      REPORT,
    ],
  ]);
});

test("destroyed, it is removed and the descriptor closed; closed, only the latter", () => {
  const { kernel, device } = create();
  device.destroy();
  assert.deepEqual([asked(kernel).at(-1), kernel.closed], [["UI_DEV_DESTROY", 0], true]);
  const other = create();
  other.device.close();
  assert.deepEqual([asked(other.kernel).at(-1), other.kernel.closed], [["UI_DEV_CREATE", 0], true]);
});

test("lights are told", () => {
  const { kernel, heard } = create();
  kernel.tell([EV_LED, LED_CAPSL, 1], [EV_LED, LED_CAPSL, 0]);
  assert.deepEqual(heard, [
    [LED_CAPSL, true],
    [LED_CAPSL, false],
  ]);
});
