// Runs in: driver host, jailed. Owns: nothing. Pure: what each control of a pad is for. Facts of Linux's drivers/hid/hid-input.c, where none else is named.
import { type GamepadButton, hidUsages, usualAxisCodes } from "@ring3/sdk";
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

/** Usages and the axes that Linux has them as, lowest first (ABS_X to ABS_BRAKE, linux/input-event-codes.h). */
const axes: readonly (readonly [usage: number, code: number])[] = [
  [x, 0],
  [y, 1],
  [z, 2],
  [rx, 3],
  [ry, 4],
  [rz, 5],
  [slider, 6],
  [throttle, 6],
  [dial, 7],
  [rudder, 7],
  [steering, 8],
  [accelerator, 9],
  [brake, 10],
];

export interface Roles {
  readonly left: Pair;
  readonly right: Pair;
  readonly triggers: Pair;
  readonly hat: Control | undefined;
  /** Up, right, down, left: a directional pad that is four buttons. */
  readonly directions: readonly (Control | undefined)[];
  readonly buttons: readonly { readonly button: GamepadButton; readonly control: Control }[];
  /** As the class's properties have them. */
  readonly axisCodes: number[];
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
  const known = axes.map(([usage]) => axis(usage)).filter((control) => control !== undefined);
  return {
    left,
    right,
    triggers,
    axisCodes: axisCodes(left, right, triggers, known),
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

/**
 * By which axes they are told. Programs that know the device know its axes by their order, as Linux's own driver has them: SDL's database does, whatever
 * the version says. Those that do not know it go by Documentation/input/gamepad.rst. Where that has them in the same order it suits both.
 */
function axisCodes(left: Pair, right: Pair, triggers: Pair, known: readonly Control[]): number[] {
  const isThere = (pair: Pair): boolean => pair.some((control) => control !== undefined);
  const told = [...left, ...right, ...triggers];
  const isAxis = [isThere(left) || isThere(right), isThere(right), isThere(triggers)]; // of a pair one that is missing is an axis too
  const usual = told
    .map((control, at) => ({ control, code: usualAxisCodes[at]! }))
    .filter((_, at) => isAxis[at >> 1])
    .toSorted((a, b) => a.code - b.code)
    .map(({ control }) => control);
  const last = usual.findLastIndex((control) => control !== undefined);
  if (usual.slice(0, last + 1).every((control, at) => control === known[at])) return [0, 0, 0, 0, 0, 0];

  const taken = new Set<number>();
  const free = (from: number): number => {
    let code = from;
    while (taken.has(code)) code++;
    taken.add(code);
    return code;
  };
  const linux = new Map(axes);
  const codes = new Map(known.map((control) => [control, free(linux.get(control.usage)!)]));
  const behind = Math.max(...codes.values()) + 1;
  return told.map((control) => (control === undefined ? free(behind) : codes.get(control)!));
}
