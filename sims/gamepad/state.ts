// Runs in: the gamepad sim. Owns: nothing; what two hands do to a pad, and how its fields show it.

/**
 * By Linux's names for them (Documentation/input/gamepad.rst): where a button lies, not what is printed on it. Where a maker says nothing of
 * that they have numbers.
 */
export type Button =
  | "south"
  | "east"
  | "north"
  | "west"
  | "left-shoulder"
  | "right-shoulder"
  | "left-trigger" // pulled to where it counts as a button
  | "right-trigger"
  | "select"
  | "start"
  | "mode"
  | "left-stick"
  | "right-stick"
  | "capture"
  | "touchpad"
  | "mute"
  | `button-${number}`;

export interface Finger {
  /** From 0 at the left and at the top to 1. */
  x: number;
  y: number;
  /** Another one each time that a finger comes down. */
  readonly id: number;
}

export interface Pad {
  readonly pressed: Set<Button>;
  /** Each from -1 to 1; right and down are positive. */
  left: readonly [x: number, y: number];
  right: readonly [x: number, y: number];
  /** From 0 to 1. */
  leftTrigger: number;
  rightTrigger: number;
  /** Each -1, 0 or 1; right and down are positive. */
  hat: readonly [x: number, y: number];
  /** Degrees a second, and parts of the Earth's gravity. */
  gyro: readonly [number, number, number];
  accel: readonly [number, number, number];
  readonly fingers: [Finger | undefined, Finger | undefined];
  touches: number;
  /** Percent. */
  battery: number;
  charging: boolean;
}

/** `gravity`: how a pad that lies on a table feels it, in g. */
export function fresh(gravity: Pad["accel"] = [0, 0, 0]): Pad {
  return {
    pressed: new Set(),
    left: [0, 0],
    right: [0, 0],
    leftTrigger: 0,
    rightTrigger: 0,
    hat: [0, 0],
    gyro: [0, 0, 0],
    accel: gravity,
    fingers: [undefined, undefined],
    touches: 0,
    battery: 100,
    charging: true,
  };
}

/** A bit for each button that is pressed; bits without a button are `undefined`. */
export function bits(pad: Pad, order: readonly (Button | undefined)[]): number {
  return order.reduce((sum, button, bit) => sum | (button && pad.pressed.has(button) ? 1 << bit : 0), 0);
}

/** -1 to 1 as -32768 to 32767. */
function i16(value: number): number {
  return Math.round(value < 0 ? value * 32768 : value * 32767);
}

/** -1 to 1 as 0 to 255, the middle at 128. */
export function u8Centred(value: number): number {
  return Math.round((value + 1) * 127.5);
}

/** 0 to 1 as 0 to `max`. */
export function scaled(value: number, max: number): number {
  return Math.round(value * max);
}

/** Clockwise from 0, up; `released` where nothing is pressed (HID Usage Tables 1.4 §4.3, hat switch). */
export function hatSwitch([x, y]: readonly [number, number], released: number): number {
  return [
    [7, 0, 1],
    [6, released, 2],
    [5, 4, 3],
  ][y + 1]![x + 1]!;
}

/** Bits for up, down, left and right, as Xbox controllers have them. */
export function directions([x, y]: readonly [number, number]): number {
  return (y < 0 ? 1 : 0) | (y > 0 ? 2 : 0) | (x < 0 ? 4 : 0) | (x > 0 ? 8 : 0);
}

/** Both sticks in 16 bits each way, up positive: as Xbox controllers have them. */
export function sticks({ left, right }: Pad): number[] {
  return [i16(left[0]), i16(-left[1]), i16(right[0]), i16(-right[1])];
}
