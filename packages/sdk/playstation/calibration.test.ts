// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as reports from "../test/playstation-reports.ts";
import { calibrated, decodeCalibration, uncalibrated } from "./calibration.ts";

const calibration = (changes: Record<number, number> = {}): DataView =>
  new DataView(reports.calibration("dualsense", { id: 5, bytes: 41 }, changes).buffer);

test("a bias of the accelerometer is taken off, and that of the gyroscope only from its own calibration, as in Linux", () => {
  const { gyro, accel, isSound } = decodeCalibration(
    calibration({ 1: 10, 7: 110, 9: -90, 19: 540, 21: 540 }),
  );
  assert.deepEqual(gyro[0], { bias: 0, numerator: 1080 * 1024, denominator: 100 + 100 });
  assert.deepEqual(accel[1], { bias: 8067 - 8181, numerator: 16_384, denominator: 16_362 });
  assert.equal(isSound, true);
});

test("an axis without calibration is told as it is; so are all of a report that is cut", () => {
  const odd = decodeCalibration(calibration({ 7: 0, 9: 0, 23: 1, 25: 1 }));
  assert.equal(odd.isSound, false);
  assert.equal(calibrated(odd.gyro[0]!, 16_384, 2048 * 1024), Math.trunc((2048 * 1024 * 16_384) / 32_767));
  assert.equal(calibrated(odd.accel[0]!, -16_384, 32_768), Math.trunc((-32_768 * 16_384) / 32_767));
  assert.notDeepEqual(odd.gyro[1], uncalibrated.gyro[1]);
  assert.equal(decodeCalibration(new DataView(calibration().buffer, 0, 34)), uncalibrated);
});

for (const [plus, minus] of [
  [540, -540],
  [0, 0],
  [-540, -540],
] as const)
  test(`speeds of ${plus} and ${minus} are none at which anybody has turned it: the gyroscope is told as it is`, () => {
    const { gyro, accel, isSound } = decodeCalibration(calibration({ 19: plus, 21: minus }));
    assert.deepEqual([gyro, isSound], [uncalibrated.gyro, false]);
    assert.notDeepEqual(accel[0], uncalibrated.accel[0]);
  });
