// Runs in: every process that speaks of keyboards and mice. Owns: nothing; the input class's state, events and operations as data.
import { defineContract, event, operation, type Properties } from "@ring3/core/contract";
import { array, i32, struct, u8, u16, u32, u64 } from "@ring3/core/struct";

/** Bits of `features`. */
export const INPUT_KEYS = 1 << 0;
/** It moves a pointer: `motion`. */
export const INPUT_RELATIVE = 1 << 1;
/** It says where the pointer is: `pointer`. */
export const INPUT_ABSOLUTE = 1 << 2;
export const INPUT_WHEEL = 1 << 3;
export const INPUT_HORIZONTAL_WHEEL = 1 << 4;
export const INPUT_PRESSURE = 1 << 5;
export const INPUT_LEDS = 1 << 6;
export const INPUT_DPI = 1 << 7;
export const INPUT_POWER = 1 << 8;
/** It has keys that type: programs repeat those that are held. */
export const INPUT_REPEATS = 1 << 9;

/** Keys and buttons that `keys` has room for: more than fingers. Who presses more has those pressed last left out. */
export const KEYS_PRESSED_MAX = 15;
/** KEY_CNT, linux/input-event-codes.h: codes of keys and of buttons are 0 to 767. */
export const KEY_CODES = 0x300;
const KEY_WORDS = KEY_CODES / 32;
/** A notch of a wheel: REL_WHEEL_HI_RES, linux/input-event-codes.h. */
export const WHEEL_NOTCH = 120;

const at = { timestampUs: u64 } as const;

/**
 * A keyboard, a mouse, a tablet, a macro pad, or several of these in one. Keys and buttons are Linux's codes (linux/input-event-codes.h).
 * `timestampUs` is CLOCK_MONOTONIC, when the report came. `keys` and `pointer` are the whole of their state, so that no key can stick; `motion` is
 * what has happened since the motion before. Who comes later is told the last keys and pointer. LEDs and resolution are those that the last
 * incarnation of its driver was told.
 */
export const input = defineContract({
  name: "input",
  version: 1,
  slots: 16,
  slotBytes: 64,
  properties: struct({
    busType: u16, // linux/input.h, BUS_*
    vendor: u16,
    product: u16,
    version: u16,
    features: u32,
    /** A bit for each code that it may send. */
    keys: array(u32, KEY_WORDS),
    absoluteMaxX: u32,
    absoluteMaxY: u32,
    pressureMax: u32,
    /** Of x and y: so many a millimetre, as struct input_absinfo has it; 0: unknown. */
    resolutionX: u32,
    resolutionY: u32,
    leds: u32, // a bit for each LED_*
    dpi: u16, // as it stands; 0: unknown
  }),
  operations: {
    /** A bit for each LED_* that is to shine. */
    leds: operation({
      nr: 1,
      in: struct({ mask: u32 }),
      replay: "never",
      mutates: true,
      optional: true,
      deadlineMs: 1000,
    }),
    dpi: operation({
      nr: 2,
      in: struct({ dpi: u16 }),
      replay: "never",
      mutates: true,
      optional: true,
      deadlineMs: 2000,
    }),
  },
  events: {
    /** In the order in which they were pressed; 0 behind the last one. */
    keys: event({
      nr: 1,
      data: struct({ ...at, pressed: array(u16, KEYS_PRESSED_MAX) }),
      overflow: "latest",
      sticky: true,
      released: <K extends object>(last: K): K => ({
        ...last,
        pressed: new Array<number>(KEYS_PRESSED_MAX).fill(0),
      }),
    }),
    /** Wheels in parts of a notch (WHEEL_NOTCH); up and right are positive. */
    motion: event({
      nr: 2,
      data: struct({ ...at, x: i32, y: i32, wheel: i32, horizontalWheel: i32 }),
      overflow: "add",
    }),
    pointer: event({
      nr: 3,
      data: struct({
        ...at,
        x: u32,
        y: u32,
        pressure: u32,
        near: u8, // 0 too while the pen is turned over: BTN_TOOL_RUBBER is a key
      }),
      overflow: "latest",
      sticky: true,
      released: <P extends object>(last: P): P => ({ ...last, pressure: 0, near: 0 }), // it stays where it is
    }),
    power: event({ nr: 4, data: struct({ percent: u8, charging: u8 }), overflow: "latest", sticky: true }),
    /** It is another one than `dpi` has said so far. */
    resolution: event({ nr: 5, data: struct({ dpi: u16 }), overflow: "latest", sticky: true }),
  },
});

export type InputClass = typeof input;
export type InputProperties = Properties<InputClass>;
