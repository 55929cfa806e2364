// Runs in: driver host, jailed. Owns: nothing. Pure: what each control of a pad is for. Facts of Linux's drivers/hid/hid-input.c, where none else is named.
import { type GamepadButton, hidUsages } from "@ring3/sdk";
import type { Control } from "./controls.ts";

const { x, y, z, rx, ry, rz, slider, dial, hatSwitch, start, select, systemMainMenu } =
  hidUsages.genericDesktop;
const { dPadUp, dPadRight, dPadDown, dPadLeft } = hidUsages.genericDesktop;
const { rudder, throttle, accelerator, brake, steering } = hidUsages.simulation;
const BUTTON_PAGE = hidUsages.usagePages.button;
// Consumer page, HID Usage Tables 1.5 §15: what Android's controllers have their system buttons as.
const RECORD = 0x000c_00b2;
const HOME = 0x000c_0223;
const BACK = 0x000c_0224;

/** By their numbers: from BTN_GAMEPAD on, beyond sixteen from BTN_TRIGGER_HAPPY on. */
const numbered: readonly GamepadButton[] = [
  ...(["south", "east", "c", "north", "west", "z", "leftShoulder", "rightShoulder"] as const),
  ...(["leftTrigger", "rightTrigger", "select", "start", "mode", "leftStick", "rightStick"] as const),
  ...(["extra1", "extra2", "extra3", "extra4", "extra5"] as const),
  ...(["paddle1", "paddle2", "paddle3", "paddle4"] as const), // BTN_TRIGGER_HAPPY5 to 8
  ...(["extra6", "extra7", "extra8", "extra9"] as const),
];
const named: ReadonlyMap<number, GamepadButton> = new Map([
  [start, "start"],
  [select, "select"],
  [systemMainMenu, "mode"],
  [HOME, "mode"],
  [BACK, "select"],
  [RECORD, "capture"],
]);

/** A stick, or two triggers. */
export type Pair = readonly [Control | undefined, Control | undefined];

/** Usages as Linux numbers their axes (ABS_X, ABS_Y …, linux/input-event-codes.h), lowest first. */
const axisOrder = [x, y, z, rx, ry, rz, slider, throttle, dial, rudder, steering, accelerator, brake];

export interface Roles {
  readonly left: Pair;
  readonly right: Pair;
  readonly triggers: Pair;
  readonly hat: Control | undefined;
  /** Up, right, down, left: a directional pad that is four buttons. */
  readonly directions: readonly (Control | undefined)[];
  readonly buttons: readonly { readonly button: GamepadButton; readonly control: Control }[];
  /** Who counts axes by their codes counts them as with Linux's own driver. */
  readonly isInOrder: boolean;
}

export function rolesOf(byUsage: ReadonlyMap<number, Control>): Roles {
  const axis = (usage: number): Control | undefined => {
    const control = byUsage.get(usage);
    return control?.isAbsolute && control.hasRange ? control : undefined;
  };
  const first = (...usages: number[]): Control | undefined => usages.map(axis).find((found) => found);

  const left: Pair = [first(x, steering), axis(y)];
  const [pair, other] = rightPairs([...byUsage.keys()], axis, left[0] ?? left[1]);
  const pedals: Pair = [axis(brake), axis(accelerator)];
  const right: Pair = pair ?? [first(rz, rudder, rx), first(throttle, slider, z, ry, dial)];
  const triggers: Pair = pedals.some((pedal) => pedal) ? pedals : (other ?? [undefined, undefined]);
  const codes = [...left, triggers[0], ...right, triggers[1]].filter((control) => control); // ABS_X, Y, Z, RX, RY, RZ
  const known = axisOrder.map(axis).filter((control) => control);
  return {
    left,
    right,
    triggers,
    isInOrder: known.length === codes.length && known.every((control, at) => control === codes[at]),
    hat: byUsage.get(hatSwitch)?.hasRange ? byUsage.get(hatSwitch) : undefined,
    directions: [dPadUp, dPadRight, dPadDown, dPadLeft].map((usage) => byUsage.get(usage)),
    buttons: [...byUsage.values()].flatMap((control) => {
      const { usage } = control;
      const number = usage >>> 16 === BUTTON_PAGE ? usage & 0xffff : 0;
      const button = number > 0 ? numbered[number - 1] : named.get(usage);
      return button === undefined ? [] : [{ button, control }];
    }),
  };
}

/**
 * Rx and Ry, Z and Rz: those that are the right stick first, then those that are triggers. Where a pad has both, the stick's range is that of
 * the left one, and it stands before the triggers.
 */
function rightPairs(
  usages: readonly number[],
  axis: (usage: number) => Control | undefined,
  left: Control | undefined,
): Pair[] {
  const isLikeLeft = (control: Control): boolean =>
    control.minimum === left?.minimum && control.maximum === left.maximum;
  return [
    [rx, ry],
    [z, rz],
  ]
    .flatMap(([first, second]) => {
      const [one, two] = [axis(first!), axis(second!)];
      return one === undefined || two === undefined ? [] : [[one, two] as const];
    })
    .sort(
      ([a], [b]) =>
        Number(isLikeLeft(b)) - Number(isLikeLeft(a)) || usages.indexOf(a.usage) - usages.indexOf(b.usage),
    );
}
