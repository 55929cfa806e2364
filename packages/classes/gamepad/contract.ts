// Runs in: every process that speaks of game controllers. Owns: nothing; the gamepad class's state, events and operations as data.
import { defineContract, event, operation, type Properties } from "@ring3/core/contract";
import { type GamepadButton, gamepadButtons } from "@ring3/core/gamepad-buttons";
import { array, i8, i16, i32, struct, u8, u16, u32, u64 } from "@ring3/core/struct";

/** Bits of `buttons`, in the state and in the properties. The directional pad is `hatX` and `hatY`. */
export { type GamepadButton, gamepadButtons };

/** The bit of a button. */
export const gamepadButton = (name: GamepadButton): number => 1 << gamepadButtons.indexOf(name);

/** Bits of `features`. */
export const GAMEPAD_RUMBLE = 1 << 0;
/** A light of any colour: `light`. */
export const GAMEPAD_LIGHT = 1 << 1;
/** Lights that say which player it is: `player`. */
export const GAMEPAD_PLAYER = 1 << 2;
export const GAMEPAD_MOTION = 1 << 3;
export const GAMEPAD_TOUCH = 1 << 4;
export const GAMEPAD_POWER = 1 << 5;
/** Triggers that push back: `triggerEffect`. */
export const GAMEPAD_TRIGGER_EFFECTS = 1 << 6;

/** Codes of leftX, leftY, rightX, rightY, leftTrigger and rightTrigger: ABS_X, Y, RX, RY, Z and RZ (Documentation/input/gamepad.rst). */
export const usualAxisCodes: readonly number[] = [0, 1, 3, 4, 2, 5];

/** What one trigger of a pair can be told takes so many bytes of its own language. */
export const TRIGGER_EFFECT_BYTES = 10;
/** `durationMs` of a rumble at most: ff_replay has 16 bits (linux/input.h). */
export const RUMBLE_MAX_MS = 65_535;

/** One of the two fingers that a touchpad tells apart; `x` and `y` from 0 to the properties' `touchMaxX` and `touchMaxY`, from the top left. */
const finger = struct({ touching: u8, id: u8, x: u16, y: u16 });

const at = { timestampUs: u64 } as const;

/** Of a state: nothing is pressed, and the sticks that it has stand in the middle. */
function released<S extends object>(last: S, { stickMin, stickMax, sticks }: Record<string, number>): S {
  const middle = Math.floor((stickMin! + stickMax! + 1) / 2);
  return {
    ...last,
    ...{ buttons: 0, leftTrigger: 0, rightTrigger: 0, hatX: 0, hatY: 0 },
    ...(sticks! > 0 ? { leftX: middle, leftY: middle } : {}),
    ...(sticks! > 1 ? { rightX: middle, rightY: middle } : {}),
  };
}

/** Of fingers: they are lifted where they were. */
const lifted = <T extends { readonly fingers: readonly object[] }>(last: T): T => ({
  ...last,
  fingers: last.fingers.map((each) => ({ ...each, touching: 0 })),
});

/**
 * A game controller with two sticks at most. Numbers are the device's own, as Linux's driver for it shows them, so that programs that know the
 * device find what they know: sticks from `stickMin` (left, up) to `stickMax`, triggers from 0 to `triggerMax` (0: they have no way). `fuzz` and
 * `flat` are as in struct input_absinfo. `timestampUs` is CLOCK_MONOTONIC, when the report came. Every event is the whole of its state, so that who
 * has missed some knows all the same what is pressed; who comes later is told the last. A driver's lights are those that its last incarnation was
 * told; a rumble is forgotten with its driver: whoever told it tells the next.
 */
export const gamepad = defineContract({
  name: "gamepad",
  version: 1,
  slots: 16,
  slotBytes: 64,
  properties: struct({
    busType: u16, // linux/input.h, BUS_*
    vendor: u16,
    product: u16,
    version: u16,
    features: u32,
    buttons: u32,
    stickMin: i32,
    stickMax: i32,
    stickFuzz: u16,
    stickFlat: u16,
    triggerMax: u16,
    sticks: u8, // 0, 1 (left) or 2
    hat: u8, // 1: it has a directional pad
    touchMaxX: u16,
    touchMaxY: u16,
    accelRange: i32, // from -accelRange to accelRange
    accelPerG: i32,
    gyroRange: i32,
    gyroPerDegree: i32, // a second
    motionFuzz: u16, // of accelerometer and gyroscope
    /** By which codes of linux/input-event-codes.h (ABS_X …) its event node tells leftX, leftY, rightX, rightY, leftTrigger and rightTrigger; all 0: `usualAxisCodes`. */
    axisCodes: array(u8, 6),
  }),
  operations: {
    /** Both motors, 0 to 65535 each, from now on and for `durationMs`; in place of what they did before. */
    rumble: operation({
      nr: 1,
      in: struct({ strong: u16, weak: u16, durationMs: u32 }),
      replay: "never",
      mutates: true,
      optional: true,
      deadlineMs: 1000,
    }),
    light: operation({
      nr: 2,
      in: struct({ red: u8, green: u8, blue: u8 }),
      replay: "never",
      mutates: true,
      optional: true,
      deadlineMs: 1000,
    }),
    /** `number` from 1, 0: none of the lights. */
    player: operation({
      nr: 3,
      in: struct({ number: u8 }),
      replay: "never",
      mutates: true,
      optional: true,
      deadlineMs: 1000,
    }),
    /** `side` 0: the left trigger, 1: the right one; `mode` and `parameters` in the device's own language, `mode` 0: none. */
    triggerEffect: operation({
      nr: 4,
      in: struct({ side: u8, mode: u8, parameters: array(u8, TRIGGER_EFFECT_BYTES) }),
      replay: "never",
      mutates: true,
      optional: true,
      deadlineMs: 1000,
    }),
  },
  events: {
    state: event({
      nr: 1,
      data: struct({
        ...at,
        buttons: u32,
        leftX: i16,
        leftY: i16,
        rightX: i16,
        rightY: i16,
        leftTrigger: u16,
        rightTrigger: u16,
        hatX: i8, // -1 left, 1 right
        hatY: i8, // -1 up, 1 down
      }),
      overflow: "latest",
      sticky: true,
      released,
    }),
    motion: event({
      nr: 2,
      data: struct({ ...at, gyro: array(i32, 3), accel: array(i32, 3) }),
      overflow: "latest",
    }),
    touch: event({
      nr: 3,
      data: struct({ ...at, fingers: array(finger, 2) }),
      overflow: "latest",
      sticky: true,
      released: lifted,
    }),
    power: event({ nr: 4, data: struct({ percent: u8, charging: u8 }), overflow: "latest", sticky: true }),
    /** What the device was told of `rumble` last and has taken, the end of it included. */
    motors: event({
      nr: 5,
      data: struct({ ...at, strong: u16, weak: u16 }),
      overflow: "latest",
      sticky: true,
      released: <M extends object>(last: M): M => ({ ...last, strong: 0, weak: 0 }),
    }),
    /** How its lights shine, as the device has taken it; 0: it has none of that kind, or they are dark. */
    lights: event({
      nr: 6,
      data: struct({ ...at, red: u8, green: u8, blue: u8, player: u8 }),
      overflow: "latest",
      sticky: true,
    }),
  },
});

export type Gamepad = typeof gamepad;
export type GamepadProperties = Properties<Gamepad>;
