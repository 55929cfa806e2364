// Runs in: the manager. Owns: nothing; who may use a game controller beside whom, and which ones there cannot be.
import { type GamepadProperties, gamepadButtons } from "./contract.ts";

const ABS_HAT0X = 0x10; // linux/input-event-codes.h

/** Any number of programs look at one; what one tells it the next may replace, as with Linux's own event nodes. */
export function admit(): undefined {
  return undefined;
}

/** Why there is no such game controller, though each number fits its field; undefined: there may be. */
export function faultOf(properties: GamepadProperties): string | undefined {
  const { stickMin, stickMax, sticks, buttons, hat, accelRange, accelPerG, gyroRange, gyroPerDegree } =
    properties;
  const { axisCodes } = properties;
  const I16 = 0x8000;
  if (sticks > 2) return `sticks: expected 0 to 2, found ${sticks}`;
  if (hat > 1) return `hat: expected 0 or 1, found ${hat}`;
  if (sticks > 0 && (stickMin >= stickMax || stickMin < -I16 || stickMax >= I16))
    return `stickMin, stickMax: expected a range within -32768 to 32767, found ${stickMin} to ${stickMax}`;
  if (buttons >= 2 ** gamepadButtons.length)
    return `buttons: expected bits of the ${gamepadButtons.length} there are, found 0x${buttons.toString(16)}`;
  const areUsual = axisCodes.every((code) => code === 0);
  if (
    !areUsual &&
    (new Set(axisCodes).size < axisCodes.length || axisCodes.some((code) => code >= ABS_HAT0X))
  )
    return `axisCodes: expected different ones below ABS_HAT0X, or 0 each, found ${axisCodes.join()}`;
  for (const [name, value] of Object.entries({ accelRange, accelPerG, gyroRange, gyroPerDegree }))
    if (value < 0) return `${name}: expected at least 0, found ${value}`;
  return undefined;
}
