// Runs in: fuzzing.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { blocks } from "../docs/transcript.ts";
import { createMapper } from "../packages/classes/input/mapping/mapper.ts";
import {
  atRest,
  control,
  keyboard,
  pad,
  padState,
} from "../packages/classes/input/mapping/mapping.fixture.ts";
import { DocumentError } from "../packages/control/document.ts";
import { type Mapping, mappingFor, parseMapping } from "../packages/control/mapping.ts";
import { bytesOf, type Target } from "./target.ts";

const guide = readFileSync(new URL("../docs/mapping.md", import.meta.url), "utf8");
const examples = blocks(guide, "yaml").map((lines) => bytesOf(lines.map(({ text }) => text).join("\n")));
const device = { id: "usb-1-4:1.0", alias: null, usb: "054c:09cc", serial: "A7", class: "gamepad" };
const keys = ["KEY_W", "KEY_SPACE", "BTN_SIDE"];
const pressed = keys.map(control);
const typist = keyboard(keys);
const held = padState(["south", "east", "leftShoulder", "rightShoulder", "select", "start"], {
  leftX: 255,
  rightY: 0,
  leftTrigger: 255,
  hatY: -1,
});
/** Once all is let go a mapper has the rest of a macro to do, at most. */
const WAKES_MAX = 1000;

export default {
  what: "the mapping file, from whoever may use a device",
  seeds: [...examples, bytesOf("")],
  words: [
    "buttons:",
    "axes:",
    "layers:",
    "gyro:",
    "south: ",
    "south+east: ",
    "KEY_A",
    "{ layer: a, toggle: true }",
    "{ press: KEY_A, turbo: 50 }",
    "{ macro: [{ press: KEY_A }, { wait: 1ms }], again: queue }",
    "- ",
    "\n        ",
    "&a *a",
    "<<: *a",
    "1e999",
    ".nan",
    "10s",
  ].map(bytesOf),
  run(input) {
    let mapping: Mapping;
    try {
      mapping = parseMapping(new TextDecoder().decode(input), "pad.yaml");
    } catch (error) {
      if (error instanceof DocumentError) assert.match(error.message, /pad\.yaml/);
      throw error;
    }
    mappingFor(mapping, device);
    for (const { mapping: one } of mapping.devices)
      for (const capabilities of [{ gamepad: pad }, { input: typist }]) {
        const mapper = createMapper(one, capabilities);
        mapper.state(held, 0);
        mapper.keys({ pressed }, 20);
        mapper.state(atRest, 200);
        let output = mapper.keys({ pressed: [] }, 200);
        for (let wakes = 0; output.nextWakeMs !== undefined; wakes++) {
          assert.ok(wakes < WAKES_MAX, "it goes on for ever");
          output = mapper.wake(output.nextWakeMs);
        }
        const { keyboard: typed, mouse: moved, nextWakeMs } = mapper.reset(1e9);
        assert.deepEqual([typed, moved.buttons, moved.x, moved.wheel, nextWakeMs], [[], [], 0, 0, undefined]);
      }
    return true;
  },
} satisfies Target;
