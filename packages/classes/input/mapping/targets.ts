// Runs in: reflector. Owns: nothing; which virtual devices a mapping needs, and what they must be able to show. Pure.
import { type Control, padControl, sideOf } from "@ring3/core/controls";
import { gamepadButtons } from "@ring3/core/gamepad-buttons";
import type { DeviceMapping, Layer } from "@ring3/core/mapping";
import { hatWays, isTrigger, wayOf } from "@ring3/core/pad";
import { type GamepadProperties, gamepad, gamepadButton } from "../../gamepad/contract.ts";
import {
  INPUT_ABSOLUTE,
  INPUT_HORIZONTAL_WHEEL,
  INPUT_RELATIVE,
  INPUT_WHEEL,
  type InputProperties,
  KEY_CODES,
} from "../contract.ts";
import { axesFrom } from "./axes.ts";

/** What the device itself is: one of these. */
export interface Capabilities {
  readonly gamepad?: GamepadProperties;
  readonly input?: InputProperties;
}

/** Codes are in ascending order. */
export interface Targets {
  readonly gamepad: GamepadProperties | undefined;
  readonly keyboard: readonly number[];
  readonly mouse: {
    readonly buttons: readonly number[];
    readonly moves: boolean;
    readonly wheel: boolean;
    readonly horizontalWheel: boolean;
  };
  /** Where a pen or a finger is; undefined: the device says nothing of that. */
  readonly pen: { readonly buttons: readonly number[] } | undefined;
}

/** As an Xbox 360 controller has them (xpad_set_up_abs, drivers/input/joystick/xpad.c). */
const STICK = { stickMin: -32_768, stickMax: 32_767 } as const;
const TRIGGER_MAX = 255;

export function targetsOf(mapping: DeviceMapping, capabilities: Capabilities): Targets {
  const layers = [...mapping.profiles.values()].flatMap((profile) => [profile, ...profile.layers.values()]);
  const own = keysOf(capabilities.input);
  const { features = 0 } = capabilities.input ?? {};
  const made = new Set(layers.flatMap(controlsOf));
  const axes = capabilities.gamepad === undefined ? [] : layers.flatMap(({ axes }) => axes);
  const all = [...new Set([...own, ...made])].toSorted((a, b) => a - b);
  const side = (wanted: ReturnType<typeof sideOf>) => all.filter((control) => sideOf(control) === wanted);
  const turned = capabilities.gamepad !== undefined && layers.some(({ gyro }) => gyro !== undefined);
  const scrolls = axes.filter(({ to }) => to === "wheel").flatMap(({ from }) => axesFrom(from));
  const has = (feature: number) => (features & feature) !== 0;
  return {
    gamepad: padOf(
      made,
      axes.flatMap(({ to }) => padAxesOf(to)),
      capabilities.gamepad,
    ),
    keyboard: side("keyboard"),
    mouse: {
      buttons: side("mouse"),
      moves: has(INPUT_RELATIVE) || turned || axes.some(({ to }) => to === "mouse"),
      wheel: has(INPUT_WHEEL) || scrolls.some((axis) => axis % 2 === 1) || wheels(made, "Up", "Down"),
      horizontalWheel:
        has(INPUT_HORIZONTAL_WHEEL) ||
        scrolls.some((axis) => axis % 2 === 0) ||
        wheels(made, "Left", "Right"),
    },
    pen: has(INPUT_ABSOLUTE) || side("pen").length > 0 ? { buttons: side("pen") } : undefined,
  };
}

/** The codes that a device says it may send. */
export const keysOf = (properties: InputProperties | undefined): Control[] =>
  Array.from({ length: properties === undefined ? 0 : KEY_CODES }, (_, code) => code).filter(
    (code) => code !== 0 && ((properties!.keys[code >>> 5]! >>> (code & 31)) & 1) === 1,
  );

/** What a layer can press. */
const controlsOf = ({ bindings }: Layer): Control[] =>
  bindings.flatMap(({ action }) => {
    if (action.type === "press") return [...action.controls];
    return action.type === "macro" ? action.steps.flatMap(({ press }) => press) : [];
  });

const wheels = (made: ReadonlySet<Control>, ...ways: readonly ("Up" | "Down" | "Left" | "Right")[]) =>
  ways.some((way) => made.has(padControl(`wheel${way}`)));

const padAxesOf = (to: Layer["axes"][number]["to"]): readonly number[] =>
  to === undefined || to === "mouse" || to === "wheel" || to === "nothing" ? [] : axesFrom(to);

/** The device's own pad, or one that nobody has, with what the mapping adds. */
function padOf(
  made: ReadonlySet<Control>,
  moved: readonly number[],
  own: GamepadProperties | undefined,
): GamepadProperties | undefined {
  const controls = [...made].filter((control) => sideOf(control) === "gamepad");
  if (own === undefined && controls.length === 0) return undefined;
  const base = own ?? gamepad.properties!.create();
  const axes = [...moved, ...controls.flatMap((control) => wayOf(control)?.axis ?? [])];
  const needed = Math.max(0, ...axes.filter((axis) => !isTrigger(axis)).map((axis) => (axis >> 1) + 1));
  const buttons = gamepadButtons.filter(
    (name) => controls.includes(padControl(name)) && wayOf(padControl(name)) === undefined,
  );
  return {
    ...base,
    ...(base.sticks === 0 && needed > 0 ? STICK : {}),
    sticks: Math.max(base.sticks, needed),
    hat: base.hat === 1 || controls.some((control) => hatWays.has(control)) ? 1 : 0,
    triggerMax: base.triggerMax === 0 && axes.some(isTrigger) ? TRIGGER_MAX : base.triggerMax,
    buttons: buttons.reduce((bits, name) => bits | gamepadButton(name), base.buttons),
  };
}
