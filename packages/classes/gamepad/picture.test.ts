import assert from "node:assert/strict";
import { test } from "node:test";
import { type Line, PICTURE_COLUMNS, widthOf } from "@ring3/core/picture";
import {
  GAMEPAD_MOTION,
  GAMEPAD_POWER,
  GAMEPAD_TOUCH,
  gamepad,
  gamepadButton,
  gamepadButtons,
} from "./contract.ts";
import { gamepadPicture } from "./picture.ts";

const text = (line: Line) => line.map((span) => (typeof span === "string" ? span : `<${span.lit}>`)).join("");
const properties = {
  ...gamepad.properties!.create(),
  features: GAMEPAD_MOTION | GAMEPAD_TOUCH | GAMEPAD_POWER,
  buttons: gamepadButton("south") | gamepadButton("start") | gamepadButton("touchpad"),
  stickMin: -100,
  stickMax: 100,
  triggerMax: 200,
  sticks: 2,
  hat: 1,
  touchMaxX: 1000,
  touchMaxY: 500,
  accelPerG: 8192,
  gyroPerDegree: 1024,
};
const state = gamepad.events.state.data!.create();

test("a pad that is held: sticks, triggers, buttons, hat, sensors, fingers and battery where they are", () => {
  const { take, lines } = gamepadPicture(properties);
  take.state({
    ...state,
    buttons: gamepadButton("south") | gamepadButton("touchpad"),
    leftX: -100,
    leftY: 100,
    rightX: 100,
    leftTrigger: 100,
    hatX: 1,
    hatY: -1,
  });
  take.motion({ timestampUs: 1, gyro: [1024, -2048, 0], accel: [0, 8192, -4096] });
  take.touch({
    timestampUs: 1,
    fingers: [
      { touching: 1, id: 0, x: 0, y: 0 },
      { touching: 1, id: 1, x: 1000, y: 500 },
    ],
  });
  take.power({ percent: 50, charging: 1 });
  assert.deepEqual(lines().map(text), [
    "┌───────────┐ ┌───────────┐ ",
    "│           │ │           │ ",
    "│           │ │           │   <↑>",
    "│           │ │          <●>│ · + <→>",
    "│           │ │           │   ·",
    "│<●>          │ │           │ ",
    "└───────────┘ └───────────┘ ",
    "LT <█████>·····   100 RT <>··········     0",
    "<[south]> start <[touchpad]>",
    "gyro       1.00    -2.00     0.00 °/s",
    "accel      0.00     1.00    -0.50 g",
    "┌───────────────────────────────────┐",
    "│<1>                                  │",
    ...Array(3).fill("│                                   │"),
    "│                                  <2>│",
    "└───────────────────────────────────┘",
    "battery  <█████>····· 50 %, charging",
  ]);
});

test("released: nothing is lit but the sticks, in their middle", () => {
  const { take, release, lines } = gamepadPicture(properties);
  const before = lines().map(text);
  take.state({ ...state, buttons: gamepadButton("start"), leftX: 100, hatX: -1, rightTrigger: 3 });
  take.power({ percent: 50, charging: 1 });
  assert.notDeepEqual(lines().map(text), before);
  release();
  assert.deepEqual(lines().map(text), before);
  assert.equal(before.join("").match(/<[^>]+>/g)!.length, 2);
});

test("a pad with everything fits, one with nothing has nothing to show", () => {
  const all = gamepadPicture({ ...properties, buttons: 2 ** gamepadButtons.length - 1 });
  all.take.state({
    ...state,
    buttons: 2 ** gamepadButtons.length - 1,
    leftTrigger: 65_535,
    rightTrigger: 65_535,
  });
  all.take.motion({ timestampUs: 1, gyro: [-(2 ** 21), 0, 0], accel: [-32_768, 0, 0] });
  for (const line of all.lines()) assert.ok(widthOf(line) <= PICTURE_COLUMNS, text(line));
  assert.deepEqual(gamepadPicture(gamepad.properties!.create()).lines().map(text), [""]);
});
