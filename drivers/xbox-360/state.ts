// Runs in: driver host, jailed. Owns: nothing. Pure: what an Xbox controller is to programs. Numbers of Linux's drivers/input/joystick/xpad.c.
import {
  type EventData,
  GAMEPAD_PLAYER,
  GAMEPAD_RUMBLE,
  type Gamepad,
  type GamepadButton,
  type GamepadProperties,
  gamepad,
  gamepadButton,
} from "@ring3/sdk";
import type { Model } from "./models.ts";

export type State = Omit<EventData<Gamepad, "state">, "timestampUs">;

const BUS_USB = 3; // linux/input.h
// xpad_set_up_abs
const STICK_FUZZ = 16;
const STICK_FLAT = 128;

/** X is `north` and Y `west`, although they lie the other way round: BTN_X and BTN_Y, which is what xpad reports and programs expect. */
const buttons: readonly GamepadButton[] = [
  ...(["south", "east", "north", "west", "leftShoulder", "rightShoulder"] as const),
  ...(["select", "start", "mode", "leftStick", "rightStick"] as const),
];
/** Left, right, up, down: BTN_TRIGGER_HAPPY1 to 4. */
const matButtons = ["extra2", "extra3", "extra4", "extra5"] as const;

export interface Identity {
  readonly vendorId: number;
  readonly productId: number;
  /** bcdDevice */
  readonly version: number;
}

export function propertiesOf(
  { vendorId, productId, version }: Identity,
  model: Model,
  { triggerMax, player }: { readonly triggerMax: number; readonly player: boolean },
): GamepadProperties {
  const own = [
    ...buttons,
    ...(model.digitalTriggers ? (["leftTrigger", "rightTrigger"] as const) : []),
    ...(model.isMat ? matButtons : []),
    ...(model.shareFromEnd === undefined ? [] : (["capture"] as const)),
  ];
  return {
    ...gamepad.properties!.create(),
    busType: BUS_USB,
    vendor: vendorId,
    product: productId,
    version,
    features: GAMEPAD_RUMBLE | (player ? GAMEPAD_PLAYER : 0),
    buttons: own.reduce((bits, button) => bits | gamepadButton(button), 0),
    stickMin: -0x8000,
    stickMax: 0x7fff,
    stickFuzz: STICK_FUZZ,
    stickFlat: STICK_FLAT,
    triggerMax: model.digitalTriggers ? 0 : triggerMax,
    sticks: 2,
    hat: model.isMat ? 0 : 1,
  };
}

const { timestampUs: _, ...zeros } = gamepad.events.state.data!.create();
/** What is told of a controller that has not told of itself. */
export const atRest: State = zeros;

export interface Controls {
  /** Bits by `order`. */
  readonly bits: number;
  readonly order: readonly (GamepadButton | undefined)[];
  /** Bits 0 to 3: up, down, left, right. */
  readonly directions: number;
  readonly leftTrigger: number;
  readonly rightTrigger: number;
  /** Left x, y, right x, y as they are sent, little-endian; up is positive. */
  readonly sticks: DataView;
}

export function stateOf(model: Model, controls: Controls): State {
  const { bits, order, directions, leftTrigger, rightTrigger, sticks } = controls;
  const [up, down, left, right] = [0, 1, 2, 3].map((bit) => (directions >> bit) & 1);
  const pressed = [
    ...order.filter((_, bit) => ((bits >> bit) & 1) === 1),
    ...(model.digitalTriggers && leftTrigger > 0 ? (["leftTrigger"] as const) : []),
    ...(model.digitalTriggers && rightTrigger > 0 ? (["rightTrigger"] as const) : []),
    ...(model.isMat ? matButtons.filter((_, at) => [left, right, up, down][at] === 1) : []),
  ];
  return {
    buttons: pressed.reduce((sum, button) => (button === undefined ? sum : sum | gamepadButton(button)), 0),
    leftX: sticks.getInt16(0, true),
    leftY: ~sticks.getInt16(2, true), // so that -32768 has an opposite
    rightX: sticks.getInt16(4, true),
    rightY: ~sticks.getInt16(6, true),
    leftTrigger: model.digitalTriggers ? 0 : leftTrigger,
    rightTrigger: model.digitalTriggers ? 0 : rightTrigger,
    hatX: model.isMat ? 0 : right! - left!,
    hatY: model.isMat ? 0 : down! - up!,
  };
}
