// Runs in: every process. Owns: nothing; one number and one name for whatever on a keyboard, mouse or game controller is pressed or not.
import { gamepadButtons } from "./gamepad-buttons.ts";
import * as codes from "./input-codes.ts";

const directions = ["Up", "Down", "Left", "Right"] as const;
type Direction = (typeof directions)[number];
const padControls = [
  ...gamepadButtons,
  ...(["hat", "leftStick", "rightStick"] as const).flatMap((part) =>
    directions.map((direction): `${typeof part}${Direction}` => `${part}${direction}`),
  ),
];
const wheelControls = directions.map((direction): `wheel${Direction}` => `wheel${direction}`);
export type PadControl = (typeof padControls)[number] | (typeof wheelControls)[number];

/** A code of EV_KEY, or one of the numbers above them: a pad's buttons and the ways of its hat and sticks; the wheel's ways, which nobody can hold. */
export type Control = number;
export const FIRST_PAD_CONTROL: Control = codes.KEY_MAX + 1;
const FIRST_WHEEL_CONTROL: Control = FIRST_PAD_CONTROL + padControls.length;

const notCodes = new Set(["KEY_RESERVED", "KEY_MAX"]);
/** Some have two names. */
const numbers: ReadonlyMap<string, Control> = new Map([
  ...Object.entries(codes).filter(([name]) => /^(KEY|BTN)_/.test(name) && !notCodes.has(name)),
  ...[...padControls, ...wheelControls].map((name, at): [string, Control] => [name, FIRST_PAD_CONTROL + at]),
]);

/** Names of groups of buttons, which have the first one's number (linux/input-event-codes.h). */
const groups = [
  "BTN_MISC",
  "BTN_MOUSE",
  "BTN_JOYSTICK",
  "BTN_GAMEPAD",
  "BTN_DIGI",
  "BTN_WHEEL",
  "BTN_TRIGGER_HAPPY",
];
const names: ReadonlyMap<Control, string> = new Map(
  [...numbers]
    .filter(([name]) => !groups.includes(name))
    .toReversed()
    .map(([name, control]) => [control, name]),
);

/** The first of its names; its number where it has none. */
export const controlName = (control: Control): string => names.get(control) ?? String(control);

export const controlNamed = (name: string): Control | undefined => numbers.get(name);
/** The number of a name that there is. */
export const padControl = (name: PadControl): Control => numbers.get(name)!;

/** Where what a control does comes out. */
export type Side = "keyboard" | "mouse" | "pen" | "gamepad" | "wheel";

/** Groups of buttons as linux/input-event-codes.h has them: BTN_MOUSE has eight, BTN_DIGI sixteen. */
export function sideOf(control: Control): Side {
  if (control >= FIRST_WHEEL_CONTROL) return "wheel";
  if (control >= FIRST_PAD_CONTROL) return "gamepad";
  if (control >= codes.BTN_MOUSE && control <= codes.BTN_TASK) return "mouse";
  if (control >= codes.BTN_DIGI && control < codes.BTN_WHEEL) return "pen";
  return "keyboard";
}

/** What a device can have pressed. */
export const triggerNames: readonly string[] = [...numbers.keys()].filter(
  (name) => sideOf(numbers.get(name)!) !== "wheel",
);

/**
 * What a mapping can press: keys, BTN_0 to BTN_9, a mouse's buttons, and what a pad has. Not the buttons of joysticks and pens: whoever looks for
 * such a device finds it by them, and a keyboard is none.
 */
export const outputNames: readonly string[] = [...numbers.keys()].filter((name) => {
  const control = numbers.get(name)!;
  return (
    !name.startsWith("BTN_") ||
    sideOf(control) === "mouse" ||
    (control >= codes.BTN_0 && control <= codes.BTN_9)
  );
});
