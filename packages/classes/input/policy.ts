// Runs in: the manager. Owns: nothing; who may use a keyboard or mouse beside whom, and which ones there cannot be.
import { INPUT_ABSOLUTE, type InputProperties } from "./contract.ts";

/** Axes of an input device are signed 32-bit numbers (struct input_absinfo, linux/input.h). */
const AXIS_MAX = 0x7fff_ffff;

/** Any number of programs look at one; what one tells it the next may replace, as with Linux's own event nodes. */
export function admit(): undefined {
  return undefined;
}

/** Why there is no such device, though each number fits its field; undefined: there may be. */
export function faultOf({
  features,
  absoluteMaxX,
  absoluteMaxY,
  pressureMax,
  resolutionX,
  resolutionY,
}: InputProperties): string | undefined {
  const numbers = { absoluteMaxX, absoluteMaxY, pressureMax, resolutionX, resolutionY };
  for (const [name, value] of Object.entries(numbers))
    if (value > AXIS_MAX) return `${name}: expected at most ${AXIS_MAX}, found ${value}`;
  if ((features & INPUT_ABSOLUTE) !== 0 && (absoluteMaxX === 0 || absoluteMaxY === 0))
    return "absoluteMaxX, absoluteMaxY: expected more than 0 of a device that says where its pointer is";
  return undefined;
}
