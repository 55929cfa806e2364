// Runs in: node --test. Owns: nothing. The guide's mapping files, read by the parser and tried on devices.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createMapper } from "@ring3/classes/input/mapping/mapper";
import {
  atRest,
  control,
  keyboard,
  pad,
  padState,
} from "../packages/classes/input/mapping/mapping.fixture.ts";
import { parseMapping } from "../packages/control/mapping.ts";
import { blocks } from "./transcript.ts";

const guide = readFileSync(join(import.meta.dirname, "mapping.md"), "utf8");
const files = blocks(guide, "yaml").map((lines) => lines.map(({ text }) => text).join("\n"));
/** The guide's file with this profile. */
const mapped = (profile: string) =>
  files
    .flatMap((file) => parseMapping(file, "mapping.md").devices)
    .find(({ mapping }) => mapping.first === profile)!.mapping;
const keys = (...names: string[]) => names.map(control);

test("every file of the guide is read, and what it says is wrong is refused in these words", () => {
  assert.equal(files.length, 5);
  for (const file of files) assert.ok(parseMapping(file, "mapping.md").devices.length > 0);
  const [said] = blocks(guide, "text").map((lines) => lines.map(({ text }) => text).join("\n"));
  const parts = said!.split("…").map(RegExp.escape);
  const wrong = files[0]!.replace("KEY_ENTER", "KEY_ENTR");
  assert.throws(() => parseMapping(wrong, "pad.yaml"), { message: new RegExp(`^${parts.join(".*")}$`) });
});

test("the first: a pad is a mouse, its wheel and some keys", () => {
  const mapper = createMapper(mapped("desktop"), { gamepad: pad });
  const { keyboard, mouse, gamepad } = mapper.state(
    padState(["south", "west", "start"], { leftX: 255, hatY: -1 }),
    0,
  );
  assert.deepEqual(keyboard, keys("KEY_LEFTALT", "KEY_TAB", "KEY_UP"));
  assert.deepEqual([mouse.buttons, gamepad], [keys("BTN_LEFT"), padState(["start"])]);
  const moved = mapper.wake(20).mouse;
  assert.deepEqual([moved.x, moved.y], [24, 0]);
});

test("the second: turbo, a sequence, and a macro that its button ends", () => {
  const mapper = createMapper(mapped("game"), { gamepad: pad });
  mapper.state(padState(["rightShoulder"]), 0);
  assert.deepEqual(mapper.wake(10).keyboard, keys("KEY_LEFTSHIFT", "KEY_1"));
  assert.deepEqual(mapper.wake(20).keyboard, keys("KEY_LEFTSHIFT"));
  assert.equal(mapper.wake(20).nextWakeMs, 170);
  assert.deepEqual(mapper.state(atRest, 100).keyboard, []);
  assert.equal(mapper.wake(100).nextWakeMs, undefined);
  mapper.state(padState(["select"]), 200);
  assert.deepEqual(mapper.state(padState(["select", "start"]), 270).keyboard, keys("KEY_ESC"));
  const both = mapper.state(padState(["east"]), 300);
  assert.deepEqual([both.keyboard, both.gamepad], [keys("KEY_E"), padState(["east"])]);
});

test("the third: a layer while its button is held, and a chord for the profile", () => {
  const { mapping } = parseMapping(files[2]!, "mapping.md").devices[0]!;
  const mapper = createMapper(mapping, { gamepad: pad });
  const { keyboard } = mapper.state(padState(["leftShoulder", "south"], { hatY: -1 }), 0);
  assert.deepEqual(keyboard, keys("KEY_ENTER", "KEY_VOLUMEUP"), "south came before the shoulder did");
  mapper.state(padState(["select", "start"]), 1);
  assert.equal(mapper.profile, "game");
});

test("the fourth: swapped sticks, a trigger as a button, and aiming with the gyroscope", () => {
  const mapper = createMapper(mapped("shooter"), { gamepad: pad });
  const held = padState(["rightTrigger"], { leftX: 255, rightY: 0, leftTrigger: 90, rightTrigger: 255 });
  const { gamepad, mouse, keyboard } = mapper.state(held, 0);
  assert.deepEqual([mouse.buttons, keyboard], [keys("BTN_RIGHT"), keys("KEY_W")]);
  assert.deepEqual(
    [gamepad!.rightX, gamepad!.leftY, gamepad!.leftTrigger, gamepad!.rightTrigger],
    [255, 128, 0, 255],
    "pushed up it is a key, and moves nothing",
  );
  const turn = (timestampUs: number) => ({ gyro: [0, -1024 * 90, 0], accel: [0, 0, 0], timestampUs });
  mapper.sensors(turn(0), 0);
  assert.ok(mapper.sensors(turn(20_000), 20).mouse.x > 10);
  const down = mapper.state(padState([], { rightY: 255 }), 25);
  assert.deepEqual([down.gamepad!.leftY, down.keyboard], [0, []], "pushed down it moves, inverted");
});

test("the fifth: a keyboard is a gamepad", () => {
  const mapper = createMapper(mapped("pad"), {
    input: keyboard(["KEY_W", "KEY_A", "KEY_SPACE", "KEY_CAPSLOCK", "BTN_SIDE"]),
  });
  const {
    gamepad,
    keyboard: typed,
    mouse,
  } = mapper.keys({ pressed: keys("KEY_W", "KEY_A", "KEY_SPACE", "KEY_CAPSLOCK", "BTN_SIDE") }, 0);
  assert.deepEqual([gamepad!.leftY, gamepad!.leftX, gamepad!.buttons], [-32_768, -22_938, 1]);
  assert.deepEqual([typed, mouse.wheel], [keys("KEY_ESC"), 120]);
});
