// Runs in: CLI. Owns: nothing. What is pressed on a device, by the names that a mapping file has for it. Pure.
import { type Gamepad, type GamepadProperties, gamepadButton, gamepadButtons } from "@ring3/client";
import type { EventData } from "@ring3/core/contract";
import { controlName } from "@ring3/core/controls";

/** So much of the way counts as pressed. */
const HALF = 0.5;

type PadState = Omit<EventData<Gamepad, "state">, "timestampUs">;

type Pad = Pick<GamepadProperties, "buttons" | "sticks" | "stickMin" | "stickMax" | "triggerMax">;

export function pressedOnPad(state: PadState, pad: Pad): string[] {
  const middle = (pad.stickMin + pad.stickMax) / 2;
  const reach = (pad.stickMax - pad.stickMin) / 2;
  const ways = (x: number, y: number, name: string): string[] => [
    ...(x < -HALF ? [`${name}Left`] : x > HALF ? [`${name}Right`] : []),
    ...(y < -HALF ? [`${name}Up`] : y > HALF ? [`${name}Down`] : []),
  ];
  const stick = (x: number, y: number, name: string) =>
    ways((x - middle) / reach, (y - middle) / reach, name);
  const pulled = (value: number) => pad.triggerMax > 0 && value / pad.triggerMax > HALF;
  return [
    ...gamepadButtons.filter((name) => (state.buttons & pad.buttons & gamepadButton(name)) !== 0),
    ...(pulled(state.leftTrigger) ? ["leftTrigger"] : []),
    ...(pulled(state.rightTrigger) ? ["rightTrigger"] : []),
    ...ways(state.hatX, state.hatY, "hat"),
    ...(pad.sticks > 0 ? stick(state.leftX, state.leftY, "leftStick") : []),
    ...(pad.sticks > 1 ? stick(state.rightX, state.rightY, "rightStick") : []),
  ];
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
