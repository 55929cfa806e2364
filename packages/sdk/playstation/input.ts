// Runs in: driver host, in a driver's code. Owns: nothing. Pure: the input reports of Sony's controllers, and what these are to programs: Linux's
// drivers/hid/hid-playstation.c (dualshock4_parse_report, dualsense_parse_report, ps_gamepad_create).
import {
  type Gamepad,
  type GamepadButton,
  type GamepadProperties,
  gamepad,
  gamepadButton,
} from "@ring3/classes/gamepad/contract";
import type { EventData } from "@ring3/core/contract";
import { hatDirection } from "../hid/hat.ts";
import {
  ACCEL_PER_G,
  ACCEL_RANGE,
  type Calibration,
  calibrated,
  GYRO_PER_DEGREE,
  GYRO_RANGE,
} from "./calibration.ts";

export const INPUT_ID = 0x01;
/** Without its id. */
export const INPUT_BYTES = 63;
const BUS_USB = 3; // linux/input.h
/** Programs tell by it which axes are which (HID_PLAYSTATION_VERSION_PATCH). */
const OTHER_AXES = 0x8000;
const MOTION_FUZZ = 16; // ps_sensors_create
const LIFTED = 0x80; // of a finger's first byte
const FINGER_BYTES = 4;

/** Bits of three bytes; the hat is in the first four, and the last six are no buttons of the pad. */
const order: readonly (GamepadButton | undefined)[] = [
  ...[undefined, undefined, undefined, undefined],
  ...(["west", "south", "east", "north"] as const), // square, cross, circle, triangle
  ...(["leftShoulder", "rightShoulder", "leftTrigger", "rightTrigger"] as const),
  ...(["select", "start", "leftStick", "rightStick"] as const), // share or create, options
  ...(["mode", "touchpad"] as const),
];

type Untimed<E extends "state" | "motion" | "touch"> = Omit<EventData<Gamepad, E>, "timestampUs">;
export type Power = EventData<Gamepad, "power">;

/** Where one kind's input report has what, its id not counted; the sticks are first in all of them. */
export interface InputLayout {
  readonly buttons: number;
  readonly triggers: number;
  readonly gyro: number;
  readonly accel: number;
  readonly status: number;
  readonly touchpad: { readonly width: number; readonly height: number };
  /** Where the fingers lie of each time that the touchpad has told of since the report before, oldest first. */
  touches(bytes: Uint8Array): readonly number[];
  power(status: number): Power;
}

export interface PadInput {
  readonly state: Untimed<"state">;
  readonly motion: Untimed<"motion">;
  readonly touches: readonly Untimed<"touch">[];
  readonly power: Power;
}

/** `bytes`: without its id. Undefined: it is too short. */
export function decodeInput(
  bytes: Uint8Array,
  layout: InputLayout,
  calibration: Calibration,
): PadInput | undefined {
  if (bytes.length < INPUT_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { buttons, triggers, gyro, accel, touchpad } = layout;
  const [leftX, leftY, rightX, rightY] = bytes;
  const bits = bytes[buttons]! | (bytes[buttons + 1]! << 8) | (bytes[buttons + 2]! << 16);
  const [hatX, hatY] = hatDirection(bits & 0x0f);
  const raw = (from: number, axis: number): number => view.getInt16(from + 2 * axis, true);
  return {
    state: {
      buttons: bitsOf(order.filter((_, bit) => ((bits >> bit) & 1) === 1)),
      ...{ leftX: leftX!, leftY: leftY!, rightX: rightX!, rightY: rightY! },
      ...{ leftTrigger: bytes[triggers]!, rightTrigger: bytes[triggers + 1]!, hatX, hatY },
    },
    motion: {
      gyro: calibration.gyro.map((axis, at) => calibrated(axis, raw(gyro, at), GYRO_RANGE)),
      accel: calibration.accel.map((axis, at) => calibrated(axis, raw(accel, at), ACCEL_RANGE)),
    },
    touches: layout.touches(bytes).map((at) => ({
      fingers: [finger(bytes, at, touchpad), finger(bytes, at + FINGER_BYTES, touchpad)],
    })),
    power: layout.power(bytes[layout.status]!),
  };
}

/** Where a lifted finger was last does not matter. */
function finger(
  bytes: Uint8Array,
  at: number,
  { width, height }: InputLayout["touchpad"],
): Untimed<"touch">["fingers"][number] {
  const [contact, low, middle, high] = bytes.subarray(at, at + FINGER_BYTES);
  const id = contact! & ~LIFTED;
  if ((contact! & LIFTED) !== 0) return { touching: 0, id, x: 0, y: 0 };
  const x = low! | ((middle! & 0x0f) << 8);
  const y = (middle! >> 4) | (high! << 4);
  return { touching: 1, id, x: Math.min(width - 1, x), y: Math.min(height - 1, y) };
}

const bitsOf = (buttons: readonly (GamepadButton | undefined)[]): number =>
  buttons.reduce((bits, button) => (button === undefined ? bits : bits | gamepadButton(button)), 0);

export interface Identity {
  readonly vendorId: number;
  readonly productId: number;
  readonly version: number;
}

export function propertiesOf(
  identity: Identity,
  { touchpad }: InputLayout,
  features: number,
): GamepadProperties {
  return {
    ...gamepad.properties!.create(),
    busType: BUS_USB,
    vendor: identity.vendorId,
    product: identity.productId,
    version: identity.version | OTHER_AXES,
    features,
    buttons: bitsOf(order),
    ...{ stickMin: 0, stickMax: 255, triggerMax: 255, sticks: 2, hat: 1 },
    ...{ touchMaxX: touchpad.width - 1, touchMaxY: touchpad.height - 1 },
    accelRange: ACCEL_RANGE,
    accelPerG: ACCEL_PER_G,
    gyroRange: GYRO_RANGE,
    gyroPerDegree: GYRO_PER_DEGREE,
    motionFuzz: MOTION_FUZZ,
  };
}
