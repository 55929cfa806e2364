import assert from "node:assert/strict";
import { test } from "node:test";
import { mappingLimits } from "@ring3/core/mapping";
import fc from "fast-check";
import { buttons, complaint, file } from "./mapping.fixture.ts";

const outputs =
  "a key such as KEY_ENTER, a mouse's button such as BTN_LEFT, or what a gamepad or a wheel has, such as south, hatUp, leftStickUp or wheelUp";
const pressed = `a button such as leftShoulder, KEY_LEFTALT or BTN_SIDE, or up to 6 joined by +`;
const at = (place: string, field: string, said: string) =>
  `pad.yaml:${place}: devices.0.profiles.main.${field}: expected ${said}`;
const kinds = "exactly one of the fields press, sequence, macro, layer, profile";

for (const [what, text, expected] of [
  [
    "a key that there is not",
    buttons("south: KEY_ENTR"),
    at("6:18", "buttons.south", `${outputs}, found "KEY_ENTR" (did you mean "KEY_ENTER"?)`),
  ],
  [
    "a key without its prefix",
    buttons("south: Enter"),
    at("6:18", "buttons.south", `${outputs}, found "Enter" (did you mean "KEY_ENTER"?)`),
  ],
  [
    "a joystick's button to press",
    buttons("south: BTN_EAST"),
    at("6:18", "buttons.south", `${outputs}, found "BTN_EAST" (did you mean "east"?)`),
  ],
  ["nothing at all", buttons("south:"), at("6:17", "buttons.south", `${outputs}, found null`)],
  [
    "a button that there is not",
    buttons("suoth: KEY_A"),
    at("6:11", "buttons.suoth", `${pressed}, found "suoth" (did you mean "south"?)`),
  ],
  [
    "a chord with such a one",
    buttons("select+strat: KEY_A"),
    at("6:11", "buttons.select+strat", `${pressed}, found "select+strat" (did you mean "start"?)`),
  ],
  [
    "a wheel that is pressed",
    buttons("wheelUp: KEY_A"),
    at("6:11", "buttons.wheelUp", `${pressed}, found "wheelUp"`),
  ],
  [
    "a chord of one button twice",
    buttons("south+south: KEY_A"),
    at("6:11", "buttons.south+south", `${pressed}, found "south+south"`),
  ],
  [
    "a chord in both orders",
    buttons("south+east: KEY_A", "east+south: KEY_B"),
    at("7:23", "buttons.east+south", 'each button and chord once, found "east+south"'),
  ],
  [
    "a time to press one button",
    buttons("south: { press: KEY_A, within: 50ms }"),
    at("6:18", "buttons.south", 'a chord beside within, found "south"'),
  ],
  [
    "two things at once",
    buttons("south: { press: KEY_A, layer: x }"),
    at("6:18", "buttons.south", `${kinds}, found an object`),
  ],
  [
    "a misspelt field",
    buttons("south: { pres: KEY_A }"),
    at(
      "6:20",
      "buttons.south.pres",
      'one of the fields press, turbo, amount, sequence, macro, pace, again, while, layer, toggle, profile, within, also, found "pres" (did you mean "press"?)',
    ),
  ],
  [
    "turbo of a macro",
    buttons("south: { macro: [KEY_A], turbo: 5 }"),
    at("6:43", "buttons.south.turbo", "press beside turbo, found 5"),
  ],
  [
    "a turbo too fast to see",
    buttons("south: { press: KEY_A, turbo: 60 }"),
    at("6:41", "buttons.south.turbo", "a number from 1 to 50, found 60"),
  ],
  [
    "too many keys at once",
    buttons("south: [KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9]"),
    at("6:18", "buttons.south", "at most 8 at once, found 9"),
  ],
  [
    "a key twice at once",
    buttons("south: [KEY_A, KEY_B, KEY_A]"),
    at("6:33", "buttons.south.2", 'each once, found "KEY_A"'),
  ],
  [
    "a key twice in a step",
    buttons("south: { macro: [{ tap: [KEY_A, KEY_A] }] }"),
    at("6:43", "buttons.south.macro.0.tap.1", 'each once, found "KEY_A"'),
  ],
  [
    "a step with a misspelt field",
    buttons("south: { macro: [KEY_A, { tip: KEY_B }] }"),
    at(
      "6:37",
      "buttons.south.macro.1.tip",
      'one of the fields tap, press, release, wait, found "tip" (did you mean "tap"?)',
    ),
  ],
  [
    "a step that is two",
    buttons("south: { macro: [{ tap: KEY_B, wait: 1s }] }"),
    at(
      "6:28",
      "buttons.south.macro.0",
      "exactly one of the fields tap, press, release, wait, found an object",
    ),
  ],
  [
    "a wait without a unit",
    buttons("south: { macro: [{ wait: 50 }] }"),
    at(
      "6:36",
      "buttons.south.macro.0.wait",
      'a duration such as "500ms", "30s" or "5m", found 50 (in quotes it is text: "50")',
    ),
  ],
  [
    "a macro of no step",
    buttons("south: { macro: [] }"),
    at("6:27", "buttons.south.macro", "at least one step, found 0"),
  ],
  [
    "a macro of too many",
    buttons(`south: { macro: [${"KEY_A,".repeat(257)}] }`),
    at("6:27", "buttons.south.macro", "at most 256 steps, found 257"),
  ],
  [
    "a macro without an end in sight",
    buttons(`south: { macro: [${"{ wait: 10s },".repeat(7)}] }`),
    at("6:18", "buttons.south", "at most 60 seconds of steps and waits, found an object"),
  ],
  [
    "a layer that there is not",
    `${buttons("south: { layer: nva }")}\n        layers: { nav: {} }`,
    at("6:27", "buttons.south.layer", 'one of the layers nav, found "nva"'),
  ],
  [
    "a layer where there is none",
    buttons("south: { layer: nav }"),
    at("6:27", "buttons.south.layer", 'a profile with layers, found "nav"'),
  ],
  [
    "a profile that there is not",
    file("        layers: { nav: { buttons: { south: { profile: other } } } }"),
    at("5:55", "layers.nav.buttons.south.profile", 'one of the profiles main, found "other"'),
  ],
  [
    "a stick that becomes half of one",
    file("        axes: { leftStick: { to: rightX } }"),
    at(
      "5:34",
      "axes.leftStick.to",
      '"leftStick" or "rightStick" or "mouse" or "wheel" or "nothing", found "rightX"',
    ),
  ],
  [
    "a stick and one of its axes",
    file("        axes: { leftStick: {}, leftY: {} }"),
    at("5:39", "axes.leftY", "leftStick or its two axes, found both"),
  ],
  [
    "a stick with a misspelt field",
    file("        axes: { leftStick: { deadzone: 0.1 } }"),
    at(
      "5:30",
      "axes.leftStick.deadzone",
      'one of the fields to, invert, also, deadZone, outerDeadZone, exponent, scale, threshold, hysteresis, speed, acceleration, found "deadzone" (did you mean "deadZone"?)',
    ),
  ],
  [
    "a speed of what does not move",
    file("        axes: { leftStick: { speed: 5 } }"),
    at("5:37", "axes.leftStick.speed", "to: mouse or to: wheel beside speed, found 5"),
  ],
  [
    "a dead zone that is none",
    file("        axes: { leftX: { deadZone: 2 } }"),
    at("5:36", "axes.leftX.deadZone", "a number from 0 to 0.95, found 2"),
  ],
  [
    "dead zones that leave nothing",
    file("        axes: { leftX: { deadZone: 0.6, outerDeadZone: 0.4 } }"),
    at("5:56", "axes.leftX.outerDeadZone", "less than 1 with deadZone, found 0.4"),
  ],
  [
    "a button that never lets go",
    file("        axes: { leftX: { threshold: 0.3, hysteresis: 0.3 } }"),
    at("5:54", "axes.leftX.hysteresis", "less than threshold, found 0.3"),
  ],
  [
    "a turn about no axis",
    file("        gyro: { vertical: w }"),
    at("5:27", "gyro.vertical", '"x" or "y" or "z" or "-x" or "-y" or "-z", found "w"'),
  ],
  [
    "no profile",
    "devices: [{ for: { class: gamepad }, profiles: {} }]",
    "pad.yaml:1:48: devices.0.profiles: expected at least one profile, found 0",
  ],
  [
    "two ways to name a device",
    "devices: [{ for: { class: gamepad, alias: a }, profiles: { a: {} } }]",
    "pad.yaml:1:18: devices.0.for: expected exactly one of the fields device, usb, serial, alias, class, found an object",
  ],
  [
    "a name that JavaScript knows",
    buttons("constructor: KEY_A"),
    'pad.yaml:6:11: expected another name, found "constructor"',
  ],
  ["a list", "- a", "pad.yaml:1:1: expected an object, found a list"],
] as const)
  test(`${what} is refused with file, line, field, expected and found`, () =>
    assert.equal(complaint(text), expected));

test("what there is too much of is refused by its name", () => {
  const many = (count: number, line: (at: number) => string) =>
    Array.from({ length: count }, (_, at) => line(at)).join("\n");
  const { layers, profiles, devices, bindings } = mappingLimits;
  const keyNames = Array.from({ length: 40 }, (_, at) => `KEY_F${(at % 24) + 1}`).slice(0, 24);
  const chords = keyNames.flatMap((a, at) => keyNames.slice(at + 1).map((b) => `${a}+${b}: KEY_A`));
  assert.match(
    complaint(buttons(...chords)),
    new RegExp(`at most ${bindings} buttons and chords, found ${chords.length}`),
  );
  assert.match(
    complaint(file(`        layers:\n${many(layers + 1, (at) => `          l${at}: {}`)}`)),
    new RegExp(`at most ${layers} layers, found ${layers + 1}`),
  );
  assert.match(
    complaint(
      `devices:\n  - for: { class: gamepad }\n    profiles:\n${many(profiles + 1, (at) => `      p${at}: {}`)}`,
    ),
    new RegExp(`at most ${profiles} profiles, found ${profiles + 1}`),
  );
  assert.match(
    complaint(`devices:\n${many(devices + 1, () => "  - { for: { class: gamepad }, profiles: { a: {} } }")}`),
    new RegExp(`at most ${devices} devices, found ${devices + 1}`),
  );
});

test("no text makes the parser fail in another way than DocumentError", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void complaint(text)));
  fc.assert(fc.property(fc.json(), (text) => void complaint(buttons(`south: ${text}`))));
});
