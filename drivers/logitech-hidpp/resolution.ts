// Runs in: driver host, jailed. Owns: nothing. Pure: the feature "adjustable DPI": libratbag's src/hidpp20.c (0x2201).
import { bigEndian, high, low } from "./packets.ts";

export const RESOLUTION = 0x2201;
export const resolutionFunctions = { list: 1, get: 2, set: 3 } as const;
/** Mice have one; who has two is told the first's. */
export const SENSOR = 0;

/** A number with these bits is the step between the one before it and the one behind it. */
const STEP = 0xe000;

/** All that it can be set to, smallest first. */
export function resolutions(list: Uint8Array): number[] {
  const found = new Set<number>();
  let before = 0;
  let step = 0;
  for (let at = 1; at + 1 < list.length; at += 2) {
    const number = bigEndian(list, at);
    if (number === 0) break;
    if (number >= STEP) {
      step = number - STEP;
      continue;
    }
    if (step > 0 && before > 0) for (let dpi = before + step; dpi < number; dpi += step) found.add(dpi);
    found.add(number);
    before = number;
    step = 0;
  }
  return [...found].sort((a, b) => a - b);
}

/** The nearest of them, the lower one of two; itself where there are none. */
export const nearest = (dpi: number, among: readonly number[]): number =>
  among.reduce((best, each) => (Math.abs(each - dpi) < Math.abs(best - dpi) ? each : best), among[0] ?? dpi);

export const currentResolution = (parameters: Uint8Array): number => bigEndian(parameters, 1);
export const settingOf = (dpi: number): number[] => [SENSOR, high(dpi), low(dpi)];
