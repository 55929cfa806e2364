// Runs in: CLI. Owns: nothing. What is pressed on a device, by the names that a mapping file has for it. Pure.
import { controlName } from "@ring3/core/controls";
import { axesOf, type PadMeasures, type PadState, pressedButtons, ways } from "@ring3/core/pad";

/** So much of the way counts as pressed, as where a mapping file says nothing of it. */
const HALF = 0.5;

export function pressedOnPad(state: PadState, pad: PadMeasures): string[] {
  const axes = axesOf(state, pad);
  const beyond = ways.filter(([, { axis, sign }]) => axes[axis]! * sign >= HALF);
  return [...pressedButtons(state, pad), ...beyond.map(([control]) => control)].map(controlName);
}

/** Codes; 0 stands for none. */
export const pressedKeys = (codes: readonly number[]): string[] =>
  codes.filter((code) => code !== 0).map(controlName);

/** Which control somebody presses: the first that was not pressed before. */
export class Presses {
  readonly #sinceUs: number;
  #before: ReadonlySet<string> = new Set();

  /** On CLOCK_MONOTONIC: what came earlier is how the device stands, and not what somebody has just done, however late it is told. */
  constructor(sinceUs: number) {
    this.#sinceUs = sinceUs;
  }

  /** `timestampUs`: when it came. undefined: nothing new. */
  see(pressed: readonly string[], timestampUs: number): string | undefined {
    const fresh = pressed.find((name) => !this.#before.has(name));
    this.#before = new Set(pressed);
    return timestampUs < this.#sinceUs ? undefined : fresh;
  }
}
