// Runs in: the keyboard sim. Owns: nothing; what hands do to a keyboard or a mouse, and how its fields show it.
import { FIRST_MODIFIER, type MouseButton, mouseButtons } from "./keys.ts";

export interface Hands {
  /** Usages of the keyboard page, in the order in which they were pressed. */
  readonly keys: Set<number>;
  /** Usages of the consumer page. */
  readonly media: Set<number>;
  readonly buttons: Set<MouseButton>;
  /** Since the last report: counts, right and down are positive; notches, up and right are positive. */
  x: number;
  y: number;
  wheel: number;
  pan: number;
  /** Percent. */
  battery: number;
  charging: boolean;
}

export function fresh(): Hands {
  return {
    keys: new Set(),
    media: new Set(),
    buttons: new Set(),
    x: 0,
    y: 0,
    wheel: 0,
    pan: 0,
    battery: 80,
    charging: false,
  };
}

/** A bit for each modifier that is held; byte 0 of the boot report too (HID 1.11 appendix B.1). */
export function modifiers(keys: ReadonlySet<number>): number {
  return [...keys].reduce((sum, key) => sum | (key >= FIRST_MODIFIER ? 1 << (key - FIRST_MODIFIER) : 0), 0);
}

const ROLLOVER = 0x01; // ErrorRollOver, HID Usage Tables 1.4 §10
const KEYS = 6;

/** The boot keyboard's report; more keys than it has room for are told as such (HID 1.11 appendix C). */
export function bootKeyboard({ keys }: Hands): Uint8Array {
  const pressed = [...keys].filter((key) => key < FIRST_MODIFIER);
  const report = new Uint8Array(2 + KEYS);
  report[0] = modifiers(keys);
  if (pressed.length > KEYS) report.fill(ROLLOVER, 2);
  else report.set(pressed, 2);
  return report;
}

export function buttonBits(buttons: ReadonlySet<MouseButton>): number {
  return mouseButtons.reduce((sum, button, bit) => sum | (buttons.has(button) ? 1 << bit : 0), 0);
}

/** Parts of a notch that a wheel tells to who asks for them. */
export const PARTS = 8;

/** What of a wheel's turning was too little to be told yet. */
export class Wheel {
  #parts = 0;

  /** What is to be told: notches, or parts of them. */
  turn(notches: number, inParts = false): number {
    this.#parts += notches * PARTS;
    const unit = inParts ? 1 : PARTS;
    const told = Math.trunc(this.#parts / unit);
    this.#parts -= told * unit;
    return told;
  }
}

/** What has been moved since this was last asked. */
export function taken(hands: Hands): { x: number; y: number; wheel: number; pan: number } {
  const { x, y, wheel, pan } = hands;
  Object.assign(hands, { x: 0, y: 0, wheel: 0, pan: 0 });
  return { x, y, wheel, pan };
}
