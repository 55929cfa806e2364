// Runs in: reflector. Owns: nothing; the force feedback effects that ring3's pads take, and how programs upload them. Pure.
import { FF_PERIODIC, FF_RUMBLE } from "./codes.ts";
import { ffEffect, ffRumble } from "./constants.ts";

/** In milliseconds. */
interface Replay {
  /** 0: until it is stopped. */
  readonly length: number;
  /** From the play to the start, each time that it is repeated. */
  readonly delay: number;
}

/** 0 to 65535 for each of the two motors. */
export interface Rumble extends Replay {
  readonly kind: "rumble";
  readonly strong: number;
  readonly weak: number;
}

/** A wave, whose form and period no motor can follow. */
export interface Periodic extends Replay {
  readonly kind: "periodic";
  /** -32768 to 32767 */
  readonly magnitude: number;
  /** For so many milliseconds it comes from `attackLevel`, and goes to `fadeLevel` before its end. */
  readonly attackLength: number;
  readonly attackLevel: number;
  readonly fadeLength: number;
  readonly fadeLevel: number;
}

/** Plain data. */
export type Effect = Rumble | Periodic;

/** Of a struct ff_effect: its number, and the effect; undefined for a kind that rumble cannot stand for. */
export function decodeEffect(view: DataView, offset: number): { id: number; effect: Effect | undefined } {
  const { type, id, replayLength: length, replayDelay: delay, u } = ffEffect.decode(view, offset);
  if (type === FF_RUMBLE) {
    const { strongMagnitude, weakMagnitude } = ffRumble.decode(view, offset + ffEffect.offsets.u);
    return { id, effect: { kind: "rumble", strong: strongMagnitude, weak: weakMagnitude, length, delay } };
  }
  if (type !== FF_PERIODIC) return { id, effect: undefined };
  const { magnitude, attackLength, attackLevel, fadeLength, fadeLevel } = u;
  return {
    id,
    effect: { kind: "periodic", magnitude, attackLength, attackLevel, fadeLength, fadeLevel, length, delay },
  };
}
