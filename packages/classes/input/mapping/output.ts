// Runs in: reflector. Owns: nothing; what virtual devices show, made of what is held down and how far axes are. Pure.

import type { EventData } from "@ring3/core/contract";
import { type Control, padControl, sideOf } from "@ring3/core/controls";
import { gamepadButtons } from "@ring3/core/gamepad-buttons";
import type { AxisBinding } from "@ring3/core/mapping";
import { type Axes, hatWays, wayOf } from "@ring3/core/pad";
import { type GamepadProperties, gamepadButton } from "../../gamepad/contract.ts";
import type { InputClass } from "../contract.ts";
import type { Moved } from "./mouse.ts";
import { type GamepadState, stateOf } from "./pad.ts";
import type { Run } from "./runs.ts";

/** The whole state of each virtual device; of mouse and wheels what has happened since the output before. */
export interface Output {
  /** In the numbers of Targets.gamepad. */
  readonly gamepad: GamepadState | undefined;
  /** undefined: the device has none. */
  readonly sensors: { readonly gyro: readonly number[]; readonly accel: readonly number[] } | undefined;
  /** Codes, as they were pressed. */
  readonly keyboard: readonly number[];
  readonly mouse: Moved & { readonly buttons: readonly number[] };
  readonly pen: PenState | undefined;
  /** When `wake` is to be called unless something happens before; undefined: not at all. */
  readonly nextWakeMs: number | undefined;
}

export type PenState = Omit<EventData<InputClass, "pointer">, "timestampUs"> & {
  readonly buttons: readonly number[];
};

/** What runs hold down, in the order in which they began, and how far: the farthest counts. */
export function downOf(runs: readonly Run[]): ReadonlyMap<Control, number> {
  const down = new Map<Control, number>();
  for (const { down: controls, amount } of runs)
    for (const control of controls) down.set(control, Math.max(amount, down.get(control) ?? 0));
  return down;
}

export const codesOf = (down: ReadonlyMap<Control, number>, side: "keyboard" | "mouse" | "pen"): number[] =>
  [...down.keys()].filter((control) => sideOf(control) === side);

/** How many notches each wheel turns for what is newly down: right and up are positive. */
export function notches(down: ReadonlyMap<Control, number>, before: ReadonlyMap<Control, number>) {
  const fresh = (control: Control) => Number(down.has(control) && !before.has(control));
  return {
    x: fresh(padControl("wheelRight")) - fresh(padControl("wheelLeft")),
    y: fresh(padControl("wheelUp")) - fresh(padControl("wheelDown")),
  };
}

/** `axes` are what sticks and triggers give, `triggers` the bits by which the pad says that they are pulled. */
export function gamepadOf(
  down: ReadonlyMap<Control, number>,
  axes: Axes,
  triggers: number,
  properties: GamepadProperties,
): GamepadState {
  const sums = [...axes];
  const hat = { x: 0, y: 0 };
  let buttons = triggers;
  for (const [control, amount] of down) {
    const way = wayOf(control);
    if (way !== undefined) sums[way.axis]! += way.sign * amount;
    hat.x += hatWays.get(control)?.x ?? 0;
    hat.y += hatWays.get(control)?.y ?? 0;
  }
  for (const name of gamepadButtons) if (down.has(padControl(name))) buttons |= gamepadButton(name);
  return stateOf(buttons, hat, sums, properties);
}

const triggerBits = (["leftTrigger", "rightTrigger"] as const).map(
  (name) => [name, padControl(name), gamepadButton(name)] as const,
);

/** Of the bits that came with the state those that pass, and those of triggers that others are moved to. */
export function triggerBitsOf(
  state: number,
  plan: readonly AxisBinding[],
  axes: Axes,
  taken: (control: Control) => boolean,
): number {
  let bits = 0;
  for (const [name, control, bit] of triggerBits) {
    const { to, also } = plan.find(({ from }) => from === name)!;
    const passes = (also || to === undefined || to === name) && !taken(control);
    const moved = plan.some((binding) => binding.to === name && binding.from !== name);
    if ((passes && (state & bit) !== 0) || (moved && axes[wayOf(control)!.axis]! > 0)) bits |= bit;
  }
  return bits;
}
