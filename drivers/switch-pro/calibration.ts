// Runs in: driver host, jailed. Owns: nothing. Pure: what lies in a Switch Pro Controller's flash about its sticks and sensors, and how their numbers
// become those that Linux's drivers/hid/hid-nintendo.c tells (joycon_read_stick_calibration, joycon_request_imu_calibration).

export const STICK_MAX = 32_767; // JC_MAX_STICK_MAG
export const ACCEL_MAX = 32_767;
export const ACCEL_PER_G = 4096;
export const GYRO_MAX = 32_767_000;
export const GYRO_PER_DEGREE = 14_247; // a second; a thousand times what the sensor has
const GYRO_SCALE = 1000;

export interface Place {
  readonly address: number;
  readonly length: number;
}
const STICK_BYTES = 9;
const ERASED = 0xff;
const MAGIC = [0xb2, 0xa1] as const; // before what a person has calibrated
/** Both sticks', the left one's first, each behind its magic. */
export const userSticks: Place = { address: 0x8010, length: 22 };
/** The left one's, the right one's. */
export const factorySticks: Place = { address: 0x603d, length: 2 * STICK_BYTES };
export const userSensors: Place = { address: 0x8026, length: 26 };
export const factorySensors: Place = { address: 0x6020, length: 24 };

export interface StickAxis {
  readonly minimum: number;
  readonly center: number;
  readonly maximum: number;
}
export interface Stick {
  readonly x: StickAxis;
  readonly y: StickAxis;
}
const plainAxis: StickAxis = { minimum: 500, center: 2000, maximum: 3500 };
/** DFLT_STICK_CAL_*: of one that says nothing, or what cannot be. */
export const plainStick: Stick = { x: plainAxis, y: plainAxis };

/** Six numbers of twelve bits; the sides' orders differ. */
function decodeStick(bytes: Uint8Array, isLeft: boolean): Stick | undefined {
  const numbers = [0, 3, 6].flatMap((at) => {
    const [low, middle, high] = bytes.subarray(at, at + 3);
    return [low! | ((middle! & 0x0f) << 8), (middle! >> 4) | (high! << 4)];
  });
  const [above, center, below] = isLeft ? [0, 2, 4] : [4, 0, 2];
  const [x, y] = [0, 1].map((axis) => ({
    minimum: numbers[center! + axis]! - numbers[below! + axis]!,
    center: numbers[center! + axis]!,
    maximum: numbers[center! + axis]! + numbers[above! + axis]!,
  }));
  const isSound = [x!, y!].every(({ minimum, center, maximum }) => minimum < center && center < maximum);
  return isSound ? { x: x!, y: y! } : undefined;
}

const hasMagic = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === MAGIC[0] && bytes[at + 1] === MAGIC[1];

/** By `userSticks` and `factorySticks`; empty where the flash could not be read. */
export function decodeSticks(user: Uint8Array, factory: Uint8Array): { left: Stick; right: Stick } {
  const decode = (side: 0 | 1): Stick | undefined => {
    const magic = side * (MAGIC.length + STICK_BYTES);
    const from = hasMagic(user, magic)
      ? user.subarray(magic + MAGIC.length, magic + MAGIC.length + STICK_BYTES)
      : factory.subarray(side * STICK_BYTES, (side + 1) * STICK_BYTES);
    const isWritten = from.length === STICK_BYTES && from.some((byte) => byte !== ERASED);
    return isWritten ? decodeStick(from, side === 0) : undefined;
  };
  return { left: decode(0) ?? plainStick, right: decode(1) ?? plainStick };
}

/** From -STICK_MAX to STICK_MAX; cut to that. */
export function stickValue({ minimum, center, maximum }: StickAxis, raw: number): number {
  const value =
    raw >= center
      ? ((raw - center) * STICK_MAX) / (maximum - center)
      : ((center - raw) * -STICK_MAX) / (center - minimum);
  return within(value, STICK_MAX);
}

interface SensorAxis {
  readonly offset: number;
  readonly scale: number;
}
export interface Sensors {
  readonly accel: readonly SensorAxis[];
  readonly gyro: readonly SensorAxis[];
}
const plainAccel: SensorAxis = { offset: 0, scale: 16_384 };
const plainGyro: SensorAxis = { offset: 0, scale: 13_371 };

/** By `userSensors` and `factorySensors`. */
export function decodeSensors(user: Uint8Array, factory: Uint8Array): Sensors {
  const from = hasMagic(user, 0) ? user.subarray(MAGIC.length) : factory;
  const view = new DataView(from.buffer, from.byteOffset, from.byteLength);
  const axis = (at: number, plain: SensorAxis): SensorAxis => {
    if (from.length < factorySensors.length) return plain;
    const [offset, scale] = [view.getInt16(at, true), view.getInt16(at + 6, true)];
    return offset === scale ? plain : { offset, scale };
  };
  return {
    accel: [0, 2, 4].map((at) => axis(at, plainAccel)),
    gyro: [12, 14, 16].map((at) => axis(at, plainGyro)),
  };
}

/** The offset of an accelerometer is not taken off: it would be less exact, Linux found. */
export const accelValue = ({ offset, scale }: SensorAxis, raw: number): number =>
  within((raw * scale) / (scale - offset), ACCEL_MAX);
export const gyroValue = ({ offset, scale }: SensorAxis, raw: number): number =>
  within((GYRO_SCALE * (raw - offset) * scale) / (scale - offset), GYRO_MAX);

const within = (value: number, most: number): number =>
  Math.max(-most, Math.min(most, Math.trunc(value))) || 0; // and never -0
