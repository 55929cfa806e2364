// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type GamepadButton, gamepad, gamepadButton, gamepadButtons } from "@ring3/sdk";
import fc from "fast-check";
import { calibrated, decodeCalibration, uncalibrated } from "./calibration.ts";
import { firmwareText } from "./firmware.ts";
import { decodeInput, INPUT_BYTES, propertiesOf } from "./input.ts";
import { output, playerColour } from "./output.ts";
import { calibration, firmware, input } from "./reports.fixture.ts";

const names = (bits: number): GamepadButton[] =>
  gamepadButtons.filter((name) => (bits & gamepadButton(name)) !== 0);
const decode = (values: Record<number, number>) => decodeInput(input(values), uncalibrated)!;
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

for (const [at, bit, button] of [
  [4, 4, "west"],
  [4, 5, "south"],
  [4, 6, "east"],
  [4, 7, "north"],
  [5, 0, "leftShoulder"],
  [5, 1, "rightShoulder"],
  [5, 2, "leftTrigger"],
  [5, 3, "rightTrigger"],
  [5, 4, "select"],
  [5, 5, "start"],
  [5, 6, "leftStick"],
  [5, 7, "rightStick"],
  [6, 0, "mode"],
  [6, 1, "touchpad"],
] as const)
  test(`bit ${bit} of byte ${at} is ${button} and nothing else`, () => {
    const { state } = decode({ 4: 8, [at]: (at === 4 ? 8 : 0) | (1 << bit) });
    assert.deepEqual([names(state.buttons), state.hatX, state.hatY], [[button], 0, 0]);
  });

test("the counter beside the last buttons is no button", () => {
  assert.equal(decode({ 4: 8, 6: 0xfc }).state.buttons, 0);
});

test("sticks, triggers and the hat", () => {
  const { buttons, ...rest } = decode({ 0: 1, 1: 2, 2: 3, 3: 4, 7: 5, 8: 6, 4: 5 }).state;
  assert.deepEqual(rest, {
    ...{ leftX: 1, leftY: 2, rightX: 3, rightY: 4, leftTrigger: 5, rightTrigger: 6 },
    ...{ hatX: -1, hatY: 1 },
  });
  assert.equal(buttons, 0);
});

test("what the touchpad has told meanwhile comes one after the other; there are three at most", () => {
  const first = { 34: 0x05, 35: 0x34, 36: 0x52, 37: 0x06, 38: 0x87, 39: 9 };
  const second = { 43: 0x05, 44: 0xff, 45: 0xff, 46: 0xff, 47: 0x80 };
  assert.deepEqual(decode({ 32: 2, ...first, ...second }).touches, [
    {
      fingers: [
        { touching: 1, id: 5, x: 0x234, y: 0x065 },
        { touching: 0, id: 7, x: 0, y: 0 },
      ],
    },
    {
      fingers: [
        { touching: 1, id: 5, x: 1919, y: 941 }, // within what the properties say
        { touching: 0, id: 0, x: 0, y: 0 },
      ],
    },
  ]);
  assert.deepEqual([decode({}).touches.length, decode({ 32: 255 }).touches.length], [0, 3]);
});

for (const [status, percent, charging] of [
  [0x00, 5, 0],
  [0x07, 75, 0],
  [0x0a, 100, 0],
  [0x0f, 100, 0],
  [0x13, 35, 1],
  [0x1a, 100, 1],
  [0x1b, 100, 0],
  [0x1e, 0, 0],
  [0x1f, 0, 0],
] as const)
  test(`status ${status.toString(16)} is ${percent} percent${charging === 1 ? ", charging" : ""}`, () => {
    assert.deepEqual(decode({ 29: status }).power, { percent, charging });
  });

test("sensors are told in 1/1024 degrees a second and 1/8192 g, as the calibration has them", () => {
  const decoded = decodeCalibration(view(calibration()));
  assert.equal(decoded.isSound, true);
  const bytes = input({});
  const raw = [165, -329, 0, 8163, -8524, 80];
  for (const [at, value] of raw.entries()) view(bytes).setInt16(12 + 2 * at, value, true);
  const { gyro, accel } = decodeInput(bytes, decoded)!.motion;
  assert.deepEqual(gyro, [
    Math.trunc((165 * 1080 * 1024) / (8913 + 8914)),
    Math.trunc((-329 * 1080 * 1024) / (8888 + 8889)),
    0,
  ]);
  assert.deepEqual(accel, [8192, -8192, Math.trunc((16_384 * (80 - (8240 - 8159))) / 16_319)]);
});

test("an axis without calibration is told as it is; so are all of a report that is cut", () => {
  const odd = decodeCalibration(view(calibration({ 7: 0, 9: 0, 23: 1, 25: 1 })));
  assert.equal(odd.isSound, false);
  assert.equal(calibrated(odd.gyro[0]!, 16_384, 2048 * 1024), Math.trunc((2048 * 1024 * 16_384) / 32_767));
  assert.equal(calibrated(odd.accel[0]!, -16_384, 32_768), Math.trunc((-32_768 * 16_384) / 32_767));
  assert.equal(decodeCalibration(view(calibration().subarray(0, 34))), uncalibrated);
});

test("what the firmware says, and what one that is cut does not", () => {
  assert.equal(firmwareText(view(firmware())), "a00b on hardware b400");
  assert.equal(firmwareText(view(firmware().subarray(0, 42))), "unknown");
});

test("an output report tells motors and light at once", () => {
  const report = output(0xff00, 0x8000, [1, 2, 3]);
  assert.deepEqual([...report], [3, 0, 0, 0x80, 0xff, 1, 2, 3, ...Array(23).fill(0)]);
});

test("players have the console's colours, and begin anew from the fifth on", () => {
  const colours = [0, 1, 2, 3, 4, 5].map((number) => playerColour(number).join());
  assert.deepEqual(colours, ["0,0,0", "0,0,64", "64,0,0", "0,64,0", "32,0,32", "0,0,64"]);
});

test("properties are hid-playstation's numbers", () => {
  const { buttons, ...rest } = propertiesOf({ vendorId: 0x054c, productId: 0x09cc, version: 0x0111 });
  const { buttons: _, ...zeros } = gamepad.properties!.create();
  assert.deepEqual(rest, {
    ...zeros,
    ...{ busType: 3, vendor: 0x054c, product: 0x09cc, version: 0x8111, features: 0b111111 },
    ...{ stickMin: 0, stickMax: 255, triggerMax: 255, sticks: 2, hat: 1, touchMaxX: 1919, touchMaxY: 941 },
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
      const told = [
        [state.data!, decoded.state],
        [motion.data!, decoded.motion],
        ...decoded.touches.map((each) => [touch.data!, each] as const),
      ] as const;
      for (const [struct, data] of told)
        struct.encode({ ...data, timestampUs: 0 } as never, new DataView(new ArrayBuffer(struct.size)), 0);
      for (const value of decoded.motion.gyro) assert.ok(Math.abs(value) <= 2_097_152);
      for (const value of decoded.motion.accel) assert.ok(Math.abs(value) <= 32_768);
      for (const { x, y } of decoded.touches.flatMap(({ fingers }) => fingers))
        assert.ok(x <= 1919 && y <= 941);
    }),
  );
});
