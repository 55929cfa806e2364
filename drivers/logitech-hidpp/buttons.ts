// Runs in: driver host, jailed. Owns: nothing. Pure: the feature "special keys and mouse buttons": libratbag's src/hidpp20.c (0x1b04), Solaar's
// lib/logitech_receiver/special_keys.py for what the flags and numbers mean.
import { bigEndian, high, low } from "./packets.ts";

export const BUTTONS = 0x1b04;
export const buttonFunctions = { count: 0, info: 1, report: 3 } as const;

// Flags of a control.
const OF_MOUSE = 0x01;
const DIVERTIBLE = 0x20;
const VIRTUAL = 0x80;
/** Below it are the buttons that every mouse has (50h left to 56h forward) and the wheel's tilts (5bh, 5dh): ordinary reports tell them. */
const FIRST_SPECIAL = 0x60;

/** Those with which the device changes itself, and which do so only while they are not diverted: wheel mode (SmartShift), and the two that change the resolution. */
const ITS_OWN: readonly number[] = [0x00c4, 0x00ed, 0x00fd];

const KEY_MACRO1 = 0x290; // linux/input-event-codes.h
const MACROS = 30;
/** Of the way in which a control is told: by events of the feature instead of by what it does otherwise; and that this is meant to change. */
const DIVERTED = 0x01;
const CHANGES_DIVERTED = 0x02;
const PRESSED_MAX = 4;

/** Its number if without the feature it would do nothing at all. */
export function specialButton(info: Uint8Array): number | undefined {
  const [id, flags] = [bigEndian(info, 0), info[4]!];
  const wanted = OF_MOUSE | DIVERTIBLE;
  const isSpecial = id >= FIRST_SPECIAL && !ITS_OWN.includes(id);
  return isSpecial && (flags & (wanted | VIRTUAL)) === wanted ? id : undefined;
}

/** KEY_MACRO1 and so on, in the device's order. */
export const codesOfButtons = (ids: readonly number[]): ReadonlyMap<number, number> =>
  new Map(ids.slice(0, MACROS).map((id, at) => [id, KEY_MACRO1 + at]));

export const diversion = (id: number, isDiverted: boolean): number[] => [
  high(id),
  low(id),
  CHANGES_DIVERTED | (isDiverted ? DIVERTED : 0),
];

/** Of event 0. */
export function pressedButtons(parameters: Uint8Array, codes: ReadonlyMap<number, number>): number[] {
  return Array.from({ length: PRESSED_MAX }, (_, at) => codes.get(bigEndian(parameters, 2 * at))).filter(
    (code) => code !== undefined,
  );
}
