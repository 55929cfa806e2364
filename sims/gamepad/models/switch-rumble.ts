// Runs in: the gamepad sim. Owns: nothing; how a Switch controller is told to vibrate: two frequencies a side, each with its strength.
// Source: dekuNukem/Nintendo_Switch_Reverse_Engineering, rumble_data_table.md; drivers/hid/hid-nintendo.c has the same numbers.

/** Both sides, as they are when nothing vibrates: 320 and 160 Hz, not at all. */
export const NEUTRAL = "0001404000014040";

export interface Rumble {
  readonly highHz: number;
  /** Steps of 100. */
  readonly high: number;
  readonly lowHz: number;
  readonly low: number;
}

/** Of four bytes: nine bits of frequency and seven of strength, seven of frequency and nine of strength. */
export function rumbleOf([first = 0, second = 0, third = 0, fourth = 0]: Uint8Array): Rumble {
  const high = first | ((second & 0x01) << 8);
  const low = third & 0x7f;
  return {
    highHz: hertz((high >> 2) + 0x60),
    high: second >> 1,
    lowHz: hertz(low + 0x40),
    low: Math.max(0, (fourth - 0x40) * 2 + (third >> 7)),
  };
}

/** Thirty-two steps double it; step 0 is 10 Hz. */
function hertz(step: number): number {
  return Math.round(10 * 2 ** (step / 32));
}
