import assert from "node:assert/strict";
import { test } from "node:test";
import { type Control, controlNamed } from "@ring3/core/controls";
import { buttons, file } from "./mapping.fixture.ts";
import { mappingFor, parseMapping } from "./mapping.ts";

const control = (name: string): Control => controlNamed(name)!;
const controls = (...names: string[]) => names.map(control);
const profileOf = (text: string) => parseMapping(text, "pad.yaml").devices[0]!.mapping.profiles.get("main")!;

test("an empty file maps nothing", () => {
  assert.deepEqual(parseMapping("# later\n", "pad.yaml"), { devices: [] });
});

test("a button is a key, several, nothing, or says more", () => {
  const { bindings } = profileOf(
    buttons(
      "south: KEY_ENTER",
      "east: [KEY_LEFTCTRL, KEY_C]",
      "mode: nothing",
      "west: { press: south, turbo: 12, amount: 0.5, also: true }",
      "select + start: { profile: main, within: 80ms }",
    ),
  );
  const plain = { withinMs: 50, also: false };
  const press = (...names: string[]) => ({
    type: "press",
    controls: controls(...names),
    turbo: 0,
    amount: 1,
  });
  assert.deepEqual(bindings, [
    { ...plain, on: controls("south"), action: press("KEY_ENTER") },
    { ...plain, on: controls("east"), action: press("KEY_LEFTCTRL", "KEY_C") },
    { ...plain, on: controls("mode"), action: press() },
    { withinMs: 50, also: true, on: controls("west"), action: { ...press("south"), turbo: 12, amount: 0.5 } },
    {
      withinMs: 80,
      also: false,
      on: controls("select", "start"),
      action: { type: "profile", profile: "main" },
    },
  ]);
});

test("sequences and macros are steps with times: a wait stands for the pace behind the step before it", () => {
  const [sequence, macro] = profileOf(
    buttons(
      "south: { sequence: [KEY_H, [KEY_LEFTSHIFT, KEY_I]], pace: 20ms, again: queue }",
      "east: { macro: [{ wait: 5ms }, { press: KEY_A }, { wait: 1s }, { wait: 2s }, { release: KEY_A }, KEY_B], while: held }",
    ),
  ).bindings.map(({ action }) => action);
  const step = (press: string[], release: string[], thenMs: number) => ({
    press: controls(...press),
    release: controls(...release),
    thenMs,
  });
  assert.deepEqual(sequence, {
    type: "macro",
    again: "queue",
    whileHeld: false,
    steps: [
      step(["KEY_H"], [], 20),
      step([], ["KEY_H"], 20),
      step(["KEY_LEFTSHIFT", "KEY_I"], [], 20),
      step([], ["KEY_LEFTSHIFT", "KEY_I"], 20),
    ],
  });
  assert.deepEqual(macro, {
    type: "macro",
    again: "ignore",
    whileHeld: true,
    steps: [
      step([], [], 5),
      step(["KEY_A"], [], 1000),
      step([], [], 2000),
      step([], ["KEY_A"], 10),
      step(["KEY_B"], [], 10),
      step([], ["KEY_B"], 10),
    ],
  });
});

test("sticks, triggers and the gyroscope have defaults that fit what they move", () => {
  const { axes, gyro } = profileOf(
    file(
      [
        "axes:",
        "  leftStick: { to: mouse, invert: y, acceleration: 300 }",
        "  rightStick: { to: rightStick, deadZone: 0.1, outerDeadZone: 0.05, exponent: 2 }",
        "  leftTrigger: { threshold: 0.1 }",
        "gyro: { while: leftTrigger, smoothing: 30ms, horizontal: z }",
      ]
        .map((line) => `        ${line}`)
        .join("\n"),
    ),
  );
  const plain = {
    to: undefined,
    also: false,
    invertX: false,
    invertY: false,
    inner: 0,
    outer: 1,
    exponent: 1,
    scale: 1,
    threshold: 0.5,
    hysteresis: 0.1,
    speed: 1000,
    acceleration: 0,
  };
  assert.deepEqual(axes, [
    { ...plain, from: "leftStick", to: "mouse", invertY: true, inner: 0.12, acceleration: 300 },
    { ...plain, from: "rightStick", to: "rightStick", inner: 0.1, outer: 0.95, exponent: 2 },
    { ...plain, from: "leftTrigger", threshold: 0.1, hysteresis: 0.05 },
  ]);
  assert.deepEqual(gyro, {
    while: controls("leftTrigger"),
    also: false,
    sensitivity: 10,
    smoothingMs: 30,
    horizontal: { axis: 2, sign: 1 },
    vertical: { axis: 0, sign: -1 },
  });
});

test("the first entry that fits a device counts, by id, ids, serial number, alias or class", () => {
  const selectors = ["device: usb-1-4", "usb: 054C:09CC", "serial: A7", "alias: couch", "class: input"];
  const text = selectors.map((by, at) => `  - { for: { ${by} }, profiles: { p${at}: {} } }`).join("\n");
  const mapping = parseMapping(`devices:\n${text}`, "pad.yaml");
  const device = { id: "usb-9-9:1.0", alias: null, usb: "0000:0000", serial: null, class: "gamepad" };
  const first = (more: object) => mappingFor(mapping, { ...device, ...more })?.first;
  assert.deepEqual(
    [
      { id: "usb-1-4:1.3", class: "input" },
      { usb: "054c:09cc" },
      { serial: "A7" },
      { alias: "couch" },
      { class: "input" },
      {},
    ].map(first),
    ["p0", "p1", "p2", "p3", "p4", undefined],
  );
});
