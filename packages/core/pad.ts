// Runs in: every process. Owns: nothing; what a game controller's state says, in one measure for all of them. Pure.
import { type Control, padControl } from "./controls.ts";
import { type GamepadButton, gamepadButtons } from "./gamepad-buttons.ts";
import { type AxisName, axisNames } from "./mapping.ts";

/** Of the gamepad class's properties, what its states are measured by. */
export interface PadMeasures {
  readonly buttons: number;
  readonly sticks: number;
  readonly stickMin: number;
  readonly stickMax: number;
  readonly triggerMax: number;
  readonly hat: number;
}

/** The gamepad class's `state`. */
export interface PadState {
  readonly buttons: number;
  readonly leftX: number;
  readonly leftY: number;
  readonly rightX: number;
  readonly rightY: number;
  readonly leftTrigger: number;
  readonly rightTrigger: number;
  readonly hatX: number;
  readonly hatY: number;
}

/** In the order of axisNames: sticks from -1 to 1, triggers from 0 to 1. */
export type Axes = number[];
export const noAxes = (): Axes => axisNames.map(() => 0);
export const axisIndex = (name: AxisName): number => axisNames.indexOf(name);
export const isTrigger = (axis: number): boolean => axis >= axisIndex("leftTrigger");

export interface Way {
  readonly axis: number;
  readonly sign: 1 | -1;
}
/** Which controls are an axis beyond a threshold. */
export const ways: readonly (readonly [Control, Way])[] = [
  [padControl("leftStickLeft"), { axis: axisIndex("leftX"), sign: -1 }],
  [padControl("leftStickRight"), { axis: axisIndex("leftX"), sign: 1 }],
  [padControl("leftStickUp"), { axis: axisIndex("leftY"), sign: -1 }],
  [padControl("leftStickDown"), { axis: axisIndex("leftY"), sign: 1 }],
  [padControl("rightStickLeft"), { axis: axisIndex("rightX"), sign: -1 }],
  [padControl("rightStickRight"), { axis: axisIndex("rightX"), sign: 1 }],
  [padControl("rightStickUp"), { axis: axisIndex("rightY"), sign: -1 }],
  [padControl("rightStickDown"), { axis: axisIndex("rightY"), sign: 1 }],
  [padControl("leftTrigger"), { axis: axisIndex("leftTrigger"), sign: 1 }],
  [padControl("rightTrigger"), { axis: axisIndex("rightTrigger"), sign: 1 }],
];
const wayByControl: ReadonlyMap<Control, Way> = new Map(ways);
export const wayOf = (control: Control): Way | undefined => wayByControl.get(control);
/** The control that an axis is beyond its threshold on one side. */
export const controlOf = (axis: number, sign: 1 | -1): Control =>
  ways.find(([, way]) => way.axis === axis && way.sign === sign)![0];

export const hatWays: ReadonlyMap<Control, { readonly x: number; readonly y: number }> = new Map([
  [padControl("hatUp"), { x: 0, y: -1 }],
  [padControl("hatDown"), { x: 0, y: 1 }],
  [padControl("hatLeft"), { x: -1, y: 0 }],
  [padControl("hatRight"), { x: 1, y: 0 }],
]);

const bitOf = (name: GamepadButton) => 1 << gamepadButtons.indexOf(name);

/** The bits of buttons that are nothing else: a trigger that has a way is told by it. */
export const plainButtons = ({ triggerMax }: Pick<PadMeasures, "triggerMax">): readonly GamepadButton[] =>
  gamepadButtons.filter((name) => triggerMax === 0 || wayOf(padControl(name)) === undefined);

export const clamp = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** A stick at rest tells the middle of its numbers, 128 of 0 to 255, and each side of it has a measure of its own. */
export const middleOf = ({ stickMin, stickMax }: PadMeasures) => Math.ceil((stickMin + stickMax) / 2);
export function sideOfStick(properties: PadMeasures, negative: boolean): number {
  const middle = middleOf(properties);
  return Math.max(1, negative ? middle - properties.stickMin : properties.stickMax - middle);
}

/** What a pad has not, it cannot move: that is 0. */
export function axesOf(state: PadState, properties: PadMeasures): Axes {
  const { sticks, triggerMax } = properties;
  const stick = (value: number, there: boolean) => {
    const away = value - middleOf(properties);
    return there ? clamp(away / sideOfStick(properties, away < 0), -1, 1) : 0;
  };
  const trigger = (value: number) => (triggerMax > 0 ? clamp(value / triggerMax, 0, 1) : 0);
  return [
    stick(state.leftX, sticks >= 1),
    stick(state.leftY, sticks >= 1),
    stick(state.rightX, sticks === 2),
    stick(state.rightY, sticks === 2),
    trigger(state.leftTrigger),
    trigger(state.rightTrigger),
  ];
}

/** Buttons and the hat's ways that are pressed. */
export function pressedButtons(state: PadState, properties: PadMeasures): Control[] {
  const buttons = plainButtons(properties).filter(
    (name) => (state.buttons & properties.buttons & bitOf(name)) !== 0,
  );
  const hat = [...hatWays].filter(
    ([, { x, y }]) => properties.hat === 1 && (x === 0 ? state.hatY === y : state.hatX === x),
  );
  return [...buttons.map(padControl), ...hat.map(([control]) => control)];
}
