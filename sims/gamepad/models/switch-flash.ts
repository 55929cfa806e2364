// Runs in: the gamepad sim. Owns: nothing; what stands in the flash memory of a Switch Pro Controller, and what its numbers mean.
// Source: dekuNukem/Nintendo_Switch_Reverse_Engineering, spi_flash_notes.md; the numbers are made up, and differ from axis to axis.

/** Twelve bits each: the middle, and how far it goes above and below. */
interface Axis {
  readonly centre: number;
  readonly above: number;
  readonly below: number;
}

type Stick = readonly [x: Axis, y: Axis];

export const leftStick: Stick = [
  { centre: 2050, above: 1480, below: 1500 },
  { centre: 2010, above: 1450, below: 1400 },
];
export const rightStick: Stick = [
  { centre: 2070, above: 1440, below: 1520 },
  { centre: 1990, above: 1500, below: 1410 },
];

/** What its sensors tell at rest, and at 4 g or 936 degrees a second. */
export const sensorOffsets = { accel: [120, -60, 200], gyro: [25, -14, 6] } as const;
export const sensorScales = { accel: [16384, 16384, 16384], gyro: [13371, 13371, 13371] } as const;

/** Two numbers of twelve bits in three bytes. */
export function packed(first: number, second: number): number[] {
  return [first & 0xff, (first >> 8) | ((second & 0x0f) << 4), second >> 4];
}

function sticks(): number[] {
  const pair = ([x, y]: Stick, of: keyof Axis) => packed(x[of], y[of]);
  return [
    ...[...pair(leftStick, "above"), ...pair(leftStick, "centre"), ...pair(leftStick, "below")],
    ...[...pair(rightStick, "centre"), ...pair(rightStick, "below"), ...pair(rightStick, "above")],
  ];
}

function sensors(): Uint8Array {
  const values = [sensorOffsets.accel, sensorScales.accel, sensorOffsets.gyro, sensorScales.gyro].flat();
  return new Uint8Array(Int16Array.from(values).buffer);
}

/** Where what stands; all else is FFh, which is nothing: there is no calibration by its user (8010h, 8026h) either. */
const contents: readonly (readonly [address: number, bytes: ArrayLike<number>])[] = [
  [0x6012, [0x03, 0xa0]], // a Pro Controller
  [0x6020, sensors()],
  [0x603d, sticks()],
  [0x6050, [0x32, 0x32, 0x32, 0xff, 0xff, 0xff, 0x46, 0x46, 0x46, 0x46, 0x46, 0x46]], // colours
  [0x6080, [0x50, 0xfd, 0x00, 0x00, 0xc6, 0x0f]],
  [
    0x6086,
    [
      0x0f, 0x30, 0x61, 0x96, 0x30, 0xf3, 0xd4, 0x14, 0x54, 0x41, 0x15, 0x54, 0xc7, 0x79, 0x9c, 0x33, 0x36,
      0x63,
    ],
  ],
  [
    0x6098,
    [
      0x0f, 0x30, 0x61, 0x96, 0x30, 0xf3, 0xd4, 0x14, 0x54, 0x41, 0x15, 0x54, 0xc7, 0x79, 0x9c, 0x33, 0x36,
      0x63,
    ],
  ],
];

const BASE = 0x6000;
const flash = new Uint8Array(0x3000).fill(0xff);
for (const [address, bytes] of contents) flash.set(bytes, address - BASE);

export function readFlash(address: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => flash[address - BASE + at] ?? 0xff);
}
