import assert from "node:assert/strict";
import { test } from "node:test";
import { BTN_LEFT, KEY_A, KEY_LEFTSHIFT } from "@ring3/core/input-codes";
import { type Line, PICTURE_COLUMNS, widthOf } from "@ring3/core/picture";
import {
  INPUT_ABSOLUTE,
  INPUT_KEYS,
  INPUT_POWER,
  INPUT_PRESSURE,
  INPUT_RELATIVE,
  INPUT_WHEEL,
  input,
  KEYS_PRESSED_MAX,
} from "./contract.ts";
import { inputPicture } from "./picture.ts";

const text = (line: Line) => line.map((span) => (typeof span === "string" ? span : `<${span.lit}>`)).join("");
const properties = (features: number) => ({ ...input.properties!.create(), features });
const pressed = (...codes: number[]) => ({
  timestampUs: 1,
  pressed: Array.from({ length: KEYS_PRESSED_MAX }, (_, at) => codes[at] ?? 0),
});

test("keys that are down stand there by Linux's names, in the order in which they were pressed", () => {
  const { take, release, lines } = inputPicture(properties(INPUT_KEYS));
  assert.deepEqual(lines().map(text), ["keys     none"]);
  take.keys(pressed(KEY_LEFTSHIFT, KEY_A, 0x2ee));
  assert.deepEqual(lines().map(text), ["keys    < KEY_LEFTSHIFT>< KEY_A>< 750>"]);
  release();
  assert.deepEqual(lines().map(text), ["keys     none"]);
});

test("a mouse moves a mark, which comes in again at the other edge; its wheel counts notches", () => {
  const { take, lines } = inputPicture(properties(INPUT_RELATIVE | INPUT_WHEEL | INPUT_KEYS));
  take.keys(pressed(BTN_LEFT));
  const marked = () =>
    lines().flatMap((line, row) => (text(line).includes("<●>") ? [[row, text(line).indexOf("<")]] : []));
  assert.deepEqual(marked(), [[5, 18]]);
  take.motion({ timestampUs: 1, x: 511, y: 0, wheel: 60, horizontalWheel: 0 });
  assert.deepEqual(marked(), [[5, 35]]);
  take.motion({ timestampUs: 2, x: 1, y: -300, wheel: 120, horizontalWheel: -120 });
  assert.deepEqual(marked(), [[3, 1]]);
  assert.deepEqual(lines().slice(-2).map(text), ["moved    512, -300", "wheel    1.5 up, -1 right"]);
  assert.equal(text(lines()[0]!), "keys    < BTN_LEFT>");
});

test("a pen is where it is, and is another mark while it is not near", () => {
  const tablet = {
    ...properties(INPUT_ABSOLUTE | INPUT_PRESSURE | INPUT_POWER),
    absoluteMaxX: 999,
    absoluteMaxY: 99,
    pressureMax: 100,
  };
  const { take, lines } = inputPicture(tablet);
  take.pointer({ timestampUs: 1, x: 0, y: 99, pressure: 50, near: 1 });
  take.power({ percent: 100, charging: 0 });
  take.resolution({ dpi: 800 });
  assert.deepEqual(lines().slice(7).map(text), [
    "│<●>                                  │",
    "└───────────────────────────────────┘",
    "at       0, 99",
    "pressure <█████>····· 50",
    "measures 800 dpi",
    "battery  <██████████> 100 %",
  ]);
  take.pointer({ timestampUs: 2, x: 999, y: 0, pressure: 0, near: 0 });
  assert.match(text(lines()[1]!), /<○>│$/);
  for (const line of lines()) assert.ok(widthOf(line) <= PICTURE_COLUMNS, text(line));
});
