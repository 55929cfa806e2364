// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY_A, KEY_LEFTSHIFT } from "@ring3/core/input-codes";
import { happenings } from "./happenings.ts";

const keys = (timeMs: number, ...pressed: number[]) => ({ timeMs, data: { pressed: [...pressed, 0, 0] } });
const motion = (timeMs: number, x: number, y: number, wheel = 0) => ({
  timeMs,
  data: { x, y, wheel, horizontalWheel: 0 },
});
const texts = (past: Parameters<typeof happenings>[0], most = 10) =>
  happenings(past, most).map(({ timeMs, text }) => `${timeMs} ${text}`);

test("a key that is in one state and not in the next went up, the other way it went down", () => {
  const past = { keys: [keys(1), keys(2, KEY_LEFTSHIFT), keys(3, KEY_LEFTSHIFT, KEY_A), keys(4, KEY_A)] };
  assert.deepEqual(texts(past), ["4 LEFTSHIFT up", "3 A down", "2 LEFTSHIFT down"]);
});

test("what is down when somebody begins to look is down, since when nobody knows", () => {
  assert.deepEqual(texts({ keys: [keys(1, KEY_A), keys(2)] }), ["2 A up", "1 A is down"]);
});

test("movements without a pause are one, and one after it is another", () => {
  const past = { motion: [motion(0, 5, 0), motion(400, 5, -2), motion(800, 0, -1), motion(1301, -7, 0)] };
  assert.deepEqual(texts(past), ["1301 moved 7 left", "0 moved 10 right, 3 up"]);
});

test("a wheel is told in notches", () => {
  assert.deepEqual(texts({ motion: [motion(0, 0, 0, -60)] }), ["0 wheel 0.5 down"]);
});

test("no more than were asked for, the newest", () => {
  const past = { keys: [keys(1), keys(2, KEY_A), keys(3), keys(4, KEY_A)] };
  assert.deepEqual(texts(past, 2), ["4 A down", "3 A up"]);
});

test("a driver that went and came is told", () => {
  const driver = [true, true, false, true, true].map((there, timeMs) => ({ timeMs, data: { there } }));
  assert.deepEqual(texts({ driver }), ["3 driver is there again", "2 no driver"]);
});
