// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type GamepadButton, gamepad, gamepadButton, gamepadButtons } from "@ring3/sdk";
import fc from "fast-check";
import { calibrated, decodeCalibration, uncalibrated } from "./calibration.ts";
import { decodeFirmware } from "./firmware.ts";
import { decodeInput, INPUT_BYTES, propertiesOf } from "./input.ts";
import * as output from "./output.ts";
import { calibration, firmware, input } from "./reports.fixture.ts";

const names = (bits: number): GamepadButton[] =>
  gamepadButtons.filter((name) => (bits & gamepadButton(name)) !== 0);
const decode = (values: Record<number, number>) => decodeInput(input(values), uncalibrated)!;
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

for (const [at, bit, button] of [
  [7, 4, "west"],
  [7, 5, "south"],
  [7, 6, "east"],
  [7, 7, "north"],
  [8, 0, "leftShoulder"],
  [8, 1, "rightShoulder"],
  [8, 2, "leftTrigger"],
  [8, 3, "rightTrigger"],
  [8, 4, "select"],
  [8, 5, "start"],
  [8, 6, "leftStick"],
  [8, 7, "rightStick"],
  [9, 0, "mode"],
  [9, 1, "touchpad"],
] as const)
  test(`bit ${bit} of byte ${at} is ${button} and nothing else`, () => {
    const { state, isMutePressed } = decode({ 7: 8, [at]: (at === 7 ? 8 : 0) | (1 << bit) });
    assert.deepEqual([names(state.buttons), state.hatX, state.hatY, isMutePressed], [[button], 0, 0, false]);
  });

test("the button of the microphone is told apart, and is no button of the pad", () => {
  const { state, isMutePressed } = decode({ 7: 8, 9: 1 << 2 });
  assert.deepEqual([state.buttons, isMutePressed], [0, true]);
});

test("sticks, triggers and the hat", () => {
  const { state } = decode({ 0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 7: 5 });
  assert.deepEqual(
    { ...state, buttons: 0 },
    {
      ...{ buttons: 0, leftX: 1, leftY: 2, rightX: 3, rightY: 4, leftTrigger: 5, rightTrigger: 6 },
      ...{ hatX: -1, hatY: 1 },
    },
  );
});

test("two fingers, twelve bits each way; one that is lifted has no place", () => {
  const { touch } = decode({ 32: 0x05, 33: 0x34, 34: 0x52, 35: 0x06, 36: 0x87, 37: 9, 38: 9, 39: 9 });
  assert.deepEqual(touch.fingers, [
    { touching: 1, id: 5, x: 0x234, y: 0x065 },
    { touching: 0, id: 7, x: 0, y: 0 },
  ]);
  const { x, y } = decode({ 32: 0, 33: 0xff, 34: 0xff, 35: 0xff }).touch.fingers[0]!;
  assert.deepEqual([x, y], [1919, 1079]); // within what the properties say
});

for (const [status, percent, charging] of [
  [0x00, 5, 0],
  [0x07, 75, 0],
  [0x0a, 100, 0],
  [0x13, 35, 1],
  [0x2a, 100, 0],
  [0xa5, 0, 0],
  [0xf5, 0, 0],
] as const)
  test(`status ${status.toString(16)} is ${percent} percent${charging === 1 ? ", charging" : ""}`, () => {
    assert.deepEqual(decode({ 52: status }).power, { percent, charging });
  });

test("sensors are told in 1/1024 degrees a second and 1/8192 g, as the calibration has them", () => {
  const decoded = decodeCalibration(view(calibration()));
  assert.equal(decoded.isSound, true);
  const bytes = input({});
  const raw = [164, -329, 0, 0, 8067, -8196]; // about 10 and -20 degrees a second, 1 g up, 1 g back
  for (const [at, value] of raw.entries()) view(bytes).setInt16(15 + 2 * at, value, true);
  const { gyro, accel } = decodeInput(bytes, decoded)!.motion;
  assert.deepEqual(gyro, [
    Math.trunc((164 * 1080 * 1024) / (8863 + 8864)),
    Math.trunc((-329 * 1080 * 1024) / (8864 + 8864)),
    0,
  ]);
  assert.deepEqual(accel, [0, 8192, -8192]);
});

test("a bias of the accelerometer is taken off, and that of the gyroscope only from its own calibration, as in Linux", () => {
  const { gyro, accel } = decodeCalibration(view(calibration({ 1: 10, 7: 110, 9: -90, 19: 540, 21: 540 })));
  assert.deepEqual(gyro[0], { bias: 0, numerator: 1080 * 1024, denominator: 100 + 100 });
  assert.deepEqual(accel[1], { bias: 8067 - 8181, numerator: 16_384, denominator: 16_362 });
});

test("an axis without calibration is told as it is; so are all of a report that is cut", () => {
  const odd = decodeCalibration(view(calibration({ 7: 0, 9: 0, 23: 1, 25: 1 })));
  assert.equal(odd.isSound, false);
  assert.equal(calibrated(odd.gyro[0]!, 16_384, 2048 * 1024), Math.trunc((2048 * 1024 * 16_384) / 32_767));
  assert.equal(calibrated(odd.accel[0]!, -16_384, 32_768), Math.trunc((-32_768 * 16_384) / 32_767));
  assert.notDeepEqual(odd.gyro[1], uncalibrated.gyro[1]);
  assert.equal(decodeCalibration(view(calibration().subarray(0, 34))), uncalibrated);
});

test("the firmware says which rumble is known; the Edge knows the second in any case; what is cut says nothing", () => {
  const kind = (features: number, productId = 0x0ce6) =>
    decodeFirmware(view(firmware(features)), productId).rumble;
  assert.deepEqual([kind(0x0214), kind(0x0215), kind(0, 0x0df2)], ["first", "second", "second"]);
  assert.deepEqual(decodeFirmware(view(firmware(0xffff).subarray(0, 45)), 0x0ce6), {
    version: 0,
    rumble: "first",
  });
  assert.equal(decodeFirmware(view(firmware(0)), 0x0ce6).version, 0x0110_002a);
});

const sent = (report: Uint8Array): Record<number, number> => {
  assert.equal(report.length, 47);
  return Object.fromEntries([...report.entries()].filter(([, value]) => value !== 0));
};

test("each output report says what of it is meant, and nothing else", () => {
  assert.deepEqual(sent(output.rumble(0xff00, 0x8000, "first")), { 0: 3, 2: 0x80, 3: 0xff });
  assert.deepEqual(sent(output.rumble(0xff00, 0x8000, "second")), { 0: 2, 38: 4, 2: 0x80, 3: 0xff });
  assert.deepEqual(sent(output.rumble(0, 0, "either")), { 0: 3, 38: 4 });
  assert.deepEqual(sent(output.lightSetup()), { 38: 2, 41: 2 });
  assert.deepEqual(sent(output.light(1, 2, 3)), { 1: 4, 44: 1, 45: 2, 46: 3 });
  assert.deepEqual(sent(output.mute(true)), { 1: 3, 8: 1, 9: 0x10 });
  assert.deepEqual(sent(output.mute(false)), { 1: 3 });
  const effect = { mode: 0x21, parameters: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] };
  const [left, right] = [output.trigger(0, effect), output.trigger(1, effect)];
  assert.deepEqual([left[0], right[0]], [8, 4]);
  assert.deepEqual([...left.subarray(21, 32)], [0x21, ...effect.parameters]);
  assert.deepEqual([...right.subarray(10, 21)], [0x21, ...effect.parameters]);
});

for (const [number, lights] of [
  [0, 0],
  [1, 0b00100],
  [2, 0b01010],
  [3, 0b10101],
  [4, 0b11011],
  [5, 0b11111],
  [6, 0b00100],
  [255, 0b11111],
] as const)
  test(`player ${number} has lights ${lights.toString(2).padStart(5, "0")}`, () => {
    assert.deepEqual(sent(output.player(number)), lights === 0 ? { 1: 0x10 } : { 1: 0x10, 43: lights });
  });

test("properties are hid-playstation's numbers", () => {
  const { buttons, ...rest } = propertiesOf({ vendorId: 0x054c, productId: 0x0ce6, version: 0x0111 });
  const { buttons: _, ...zeros } = gamepad.properties!.create();
  assert.deepEqual(rest, {
    ...zeros,
    ...{ busType: 3, vendor: 0x054c, product: 0x0ce6, version: 0x8111, features: 0b1111111 },
    ...{ stickMin: 0, stickMax: 255, triggerMax: 255, sticks: 2, hat: 1, touchMaxX: 1919, touchMaxY: 1079 },
    ...{ accelRange: 32_768, accelPerG: 8192, gyroRange: 2_097_152, gyroPerDegree: 1024 },
    motionFuzz: 16,
  });
  assert.equal(names(buttons).length, 14);
});

test("whatever comes, what is told is within its bounds; what is too short is nothing", () => {
  const { state, motion, touch } = gamepad.events;
  const anyReport = fc.uint8Array({ minLength: 60, maxLength: 80 });
  fc.assert(
    fc.property(anyReport, fc.uint8Array({ minLength: 30, maxLength: 45 }), (bytes, calibration) => {
      const decoded = decodeInput(bytes, decodeCalibration(view(calibration)));
      assert.equal(decoded === undefined, bytes.length < INPUT_BYTES);
      if (decoded === undefined) return;
      for (const [struct, data] of [
        [state.data!, decoded.state],
        [motion.data!, decoded.motion],
        [touch.data!, decoded.touch],
      ] as const)
        struct.encode({ ...data, timestampUs: 0 } as never, new DataView(new ArrayBuffer(struct.size)), 0);
      for (const value of decoded.motion.gyro) assert.ok(Math.abs(value) <= 2_097_152);
      for (const value of decoded.motion.accel) assert.ok(Math.abs(value) <= 32_768);
      for (const { x, y } of decoded.touch.fingers) assert.ok(x <= 1919 && y <= 1079);
      assert.ok(decoded.power.percent <= 100);
    }),
  );
});
