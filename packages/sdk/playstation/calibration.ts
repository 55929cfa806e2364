// Runs in: driver host, in a driver's code. Owns: nothing. Pure: what the sensors of Sony's controllers tell, in units: Linux's
// drivers/hid/hid-playstation.c (dualshock4_get_calibration_data, dualsense_get_calibration_data, and where they parse reports).

export const ACCEL_PER_G = 8192;
export const ACCEL_RANGE = 4 * ACCEL_PER_G;
export const GYRO_PER_DEGREE = 1024; // a second
export const GYRO_RANGE = 2048 * GYRO_PER_DEGREE;
/** The last that is looked at begins here. */
const CALIBRATION_BYTES = 35;
const I16_MAX = 0x7fff;

/** raw → (raw - bias) * numerator / denominator */
interface Axis {
  readonly bias: number;
  readonly numerator: number;
  readonly denominator: number;
}
export interface Calibration {
  readonly gyro: readonly Axis[];
  readonly accel: readonly Axis[];
  /** It says of no axis that which cannot be. */
  readonly isSound: boolean;
}

const rawGyro: Axis = { bias: 0, numerator: GYRO_RANGE, denominator: I16_MAX };
const rawAccel: Axis = { bias: 0, numerator: ACCEL_RANGE, denominator: I16_MAX };
/** Of a device that does not say, or nonsense. */
export const uncalibrated: Calibration = {
  gyro: [rawGyro, rawGyro, rawGyro],
  accel: [rawAccel, rawAccel, rawAccel],
  isSound: false,
};

/** `report`: its id first. */
export function decodeCalibration(report: DataView): Calibration {
  if (report.byteLength < CALIBRATION_BYTES) return uncalibrated;
  const at = (offset: number): number => report.getInt16(offset, true);
  const speeds = at(19) + at(21); // degrees a second, one way and the other
  const gyro = [0, 1, 2].map((axis): Axis => {
    const bias = at(1 + 2 * axis);
    const [plus, minus] = [at(7 + 4 * axis), at(9 + 4 * axis)];
    const denominator = Math.abs(plus - bias) + Math.abs(minus - bias);
    return denominator === 0 || speeds <= 0
      ? rawGyro
      : { bias: 0, numerator: speeds * GYRO_PER_DEGREE, denominator };
  });
  const accel = [0, 1, 2].map((axis): Axis => {
    const [plus, minus] = [at(23 + 4 * axis), at(25 + 4 * axis)];
    const span = plus - minus; // 2 g
    return span === 0
      ? rawAccel
      : { bias: plus - Math.trunc(span / 2), numerator: 2 * ACCEL_PER_G, denominator: span };
  });
  return { gyro, accel, isSound: !gyro.includes(rawGyro) && !accel.includes(rawAccel) };
}

/** Cut to its range. */
export function calibrated({ bias, numerator, denominator }: Axis, raw: number, range: number): number {
  const value = Math.trunc((numerator * (raw - bias)) / denominator);
  return Math.max(-range, Math.min(range, value));
}
