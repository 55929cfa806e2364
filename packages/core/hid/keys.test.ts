import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOfUsage } from "./keys.ts";
import { button, genericDesktop, keyboard } from "./usages.ts";

test("keys by usage, as Linux has them", () => {
  const page = (number: number, ids: number[]) => ids.map((id) => keyOfUsage((number << 16) | id));
  // KEY_A, KEY_Z, KEY_1, KEY_ENTER, KEY_F12, KEY_UP, KEY_102ND, KEY_F24, KEY_RO, KEY_HANGEUL: linux/input-event-codes.h
  const expected = [30, 44, 2, 28, 88, 103, 86, 194, 89, 122];
  assert.deepEqual(page(0x07, [0x04, 0x1d, 0x1e, 0x28, 0x45, 0x52, 0x64, 0x73, 0x87, 0x90]), expected);
  assert.deepEqual([keyOfUsage(keyboard.leftControl), keyOfUsage(keyboard.rightGui)], [29, 126]); // KEY_LEFTCTRL, KEY_RIGHTMETA
  // KEY_PLAYPAUSE, KEY_MUTE, KEY_VOLUMEUP, KEY_CALC, KEY_HOMEPAGE
  assert.deepEqual(page(0x0c, [0xcd, 0xe2, 0xe9, 0x192, 0x223]), [164, 113, 115, 140, 172]);
  assert.equal(keyOfUsage(genericDesktop.systemSleep), 142); // KEY_SLEEP
});

test("what is no key of Linux's is none", () => {
  assert.deepEqual(
    [0x0007_0000, keyboard.errorRollOver, 0x0007_00a0, 0x0007_0100].map(keyOfUsage),
    Array(4).fill(undefined),
  );
  assert.deepEqual(
    [0x000c_0001, genericDesktop.x, button(1), 0, 0xffff_ffff].map(keyOfUsage),
    Array(5).fill(undefined),
  );
});
