// Runs in: tests. Owns: nothing; devices, and mappings as the parser makes them.
import { type Control, controlNamed } from "@ring3/core/controls";
import type {
  Action,
  AxisBinding,
  Binding,
  DeviceMapping,
  GyroBinding,
  Layer,
  Profile,
  Step,
} from "@ring3/core/mapping";
import { GAMEPAD_MOTION, type GamepadProperties, gamepad, gamepadButton } from "../../gamepad/contract.ts";
import { INPUT_KEYS, INPUT_RELATIVE, INPUT_WHEEL, type InputProperties, input } from "../contract.ts";
import { untouched } from "./axes.ts";
import type { GamepadState } from "./pad.ts";

export const control = (name: string): Control => controlNamed(name)!;

/** As a DualShock 4: triggers are told both ways. */
export const pad: GamepadProperties = {
  ...gamepad.properties!.create(),
  features: GAMEPAD_MOTION,
  buttons: 0x1fff,
  stickMin: 0,
  stickMax: 255,
  triggerMax: 255,
  sticks: 2,
  hat: 1,
  gyroRange: 2_097_152,
  gyroPerDegree: 1024,
};
export const atRest: GamepadState = {
  buttons: 0,
  leftX: 128,
  leftY: 128,
  rightX: 128,
  rightY: 128,
  leftTrigger: 0,
  rightTrigger: 0,
  hatX: 0,
  hatY: 0,
};
export const padState = (
  buttons: readonly Parameters<typeof gamepadButton>[0][],
  more: Partial<GamepadState> = {},
): GamepadState => ({
  ...atRest,
  ...more,
  buttons: buttons.reduce((bits, name) => bits | gamepadButton(name), 0),
});

/** Keys that a device may send. */
export function keyboard(names: readonly string[], features = INPUT_KEYS): InputProperties {
  const properties = { ...input.properties!.create(), features };
  for (const code of names.map(control)) properties.keys[code >>> 5]! |= 1 << (code & 31);
  properties.keys = properties.keys.map((word) => word >>> 0);
  return properties;
}
export const mouse = keyboard(
  ["BTN_LEFT", "BTN_RIGHT", "BTN_SIDE"],
  INPUT_KEYS | INPUT_RELATIVE | INPUT_WHEEL,
);

const controls = (names: readonly string[]) => names.map(control);

export const press = (names: string, more: { turbo?: number; amount?: number } = {}): Action => ({
  type: "press",
  controls: names === "" ? [] : controls(names.split(" ")),
  turbo: 0,
  amount: 1,
  ...more,
});
export const layer = (name: string, toggle = false): Action => ({ type: "layer", layer: name, toggle });
export const profile = (name: string): Action => ({ type: "profile", profile: name });
export const step = (press: string, release: string, thenMs: number): Step => ({
  press: press === "" ? [] : controls(press.split(" ")),
  release: release === "" ? [] : controls(release.split(" ")),
  thenMs,
});
export const macro = (
  steps: readonly Step[],
  more: { again?: "ignore" | "restart" | "queue"; whileHeld?: boolean } = {},
): Action => ({ type: "macro", steps, again: "ignore", whileHeld: false, ...more });

/** `names` joined by +. */
export const on = (
  names: string,
  action: Action,
  more: { also?: boolean; withinMs?: number } = {},
): Binding => ({ on: controls(names.split("+")), withinMs: 50, also: false, action, ...more });

export const axis = (from: AxisBinding["from"], more: Partial<AxisBinding> = {}): AxisBinding => ({
  ...untouched("leftX"),
  from,
  ...more,
});

type Written = Partial<Layer> & { readonly layers?: Readonly<Record<string, Partial<Layer>>> };
const whole = ({ bindings = [], axes = [], gyro }: Partial<Layer>): Layer => ({
  bindings,
  axes,
  ...(gyro === undefined ? {} : { gyro }),
});
export const mapping = (profiles: Readonly<Record<string, Written>>): DeviceMapping => ({
  first: Object.keys(profiles)[0]!,
  profiles: new Map(
    Object.entries(profiles).map(([name, written]): [string, Profile] => [
      name,
      {
        ...whole(written),
        layers: new Map(Object.entries(written.layers ?? {}).map(([name, layer]) => [name, whole(layer)])),
      },
    ]),
  ),
});

export const gyro: GyroBinding = {
  while: [],
  also: false,
  sensitivity: 10,
  smoothingMs: 0,
  horizontal: { axis: 1, sign: -1 },
  vertical: { axis: 0, sign: -1 },
};
