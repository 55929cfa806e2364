// Runs in: driver host, jailed. Owns: nothing. Pure: a DualShock 4's input report, and what the controller is to programs: Linux's
// drivers/hid/hid-playstation.c (struct dualshock4_input_report_usb, dualshock4_parse_report, ps_gamepad_create).
import {
  type EventData,
  GAMEPAD_LIGHT,
  GAMEPAD_MOTION,
  GAMEPAD_PLAYER,
  GAMEPAD_POWER,
  GAMEPAD_RUMBLE,
  GAMEPAD_TOUCH,
  type Gamepad,
  type GamepadButton,
  type GamepadProperties,
  gamepad,
  gamepadButton,
  hatDirection,
} from "@ring3/sdk";
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
const TOUCHPAD = { width: 1920, height: 942 };

// Of the report without its id.
const BUTTONS = 4;
const TRIGGERS = 7;
const GYRO = 12;
const ACCEL = 18;
const STATUS = 29;
const TOUCHES = 32;
const TOUCHES_MAX = 3;
const TOUCH_BYTES = 9; // a time, two fingers
const LIFTED = 0x80; // of a finger's first byte
const CABLE = 0x10; // of the status
const FULL = 11;

/** Bits of three bytes; the hat is in the first four, a counter in the last six. */
const order: readonly (GamepadButton | undefined)[] = [
  ...[undefined, undefined, undefined, undefined],
  ...(["west", "south", "east", "north"] as const), // square, cross, circle, triangle
  ...(["leftShoulder", "rightShoulder", "leftTrigger", "rightTrigger"] as const),
  ...(["select", "start", "leftStick", "rightStick"] as const), // share, options
  ...(["mode", "touchpad"] as const),
];

type Untimed<E extends "state" | "motion" | "touch" | "power"> = Omit<EventData<Gamepad, E>, "timestampUs">;

export interface DualShock4Input {
  readonly state: Untimed<"state">;
  readonly motion: Untimed<"motion">;
  /** What the touchpad has told since the report before, oldest first. */
  readonly touches: readonly Untimed<"touch">[];
  readonly power: EventData<Gamepad, "power">;
}

/** `bytes`: without its id. Undefined: it is too short. */
export function decodeInput(bytes: Uint8Array, calibration: Calibration): DualShock4Input | undefined {
  if (bytes.length < INPUT_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [leftX, leftY, rightX, rightY] = bytes;
  const bits = bytes[BUTTONS]! | (bytes[BUTTONS + 1]! << 8) | (bytes[BUTTONS + 2]! << 16);
  const [hatX, hatY] = hatDirection(bits & 0x0f);
  const raw = (from: number, axis: number): number => view.getInt16(from + 2 * axis, true);
  const touched = Math.min(TOUCHES_MAX, bytes[TOUCHES]!);
  return {
    state: {
      buttons: bitsOf(order.filter((_, bit) => ((bits >> bit) & 1) === 1)),
      ...{ leftX: leftX!, leftY: leftY!, rightX: rightX!, rightY: rightY! },
      ...{ leftTrigger: bytes[TRIGGERS]!, rightTrigger: bytes[TRIGGERS + 1]!, hatX, hatY },
    },
    motion: {
      gyro: calibration.gyro.map((axis, at) => calibrated(axis, raw(GYRO, at), GYRO_RANGE)),
      accel: calibration.accel.map((axis, at) => calibrated(axis, raw(ACCEL, at), ACCEL_RANGE)),
    },
    touches: Array.from({ length: touched }, (_, index) => {
      const at = TOUCHES + 2 + TOUCH_BYTES * index;
      return { fingers: [finger(bytes, at), finger(bytes, at + 4)] };
    }),
    power: powerOf(bytes[STATUS]!),
  };
}

/** Where a lifted finger was last does not matter. */
function finger(bytes: Uint8Array, at: number): Untimed<"touch">["fingers"][number] {
  const [contact, low, middle, high] = bytes.subarray(at, at + 4);
  const id = contact! & ~LIFTED;
  if ((contact! & LIFTED) !== 0) return { touching: 0, id, x: 0, y: 0 };
  const x = low! | ((middle! & 0x0f) << 8);
  const y = (middle! >> 4) | (high! << 4);
  return {
    touching: 1,
    id,
    x: Math.min(TOUCHPAD.width - 1, x),
    y: Math.min(TOUCHPAD.height - 1, y),
  };
}

/** Tenths, of which the middle is told; on a cable full, or an error, which counts as empty. */
function powerOf(status: number): EventData<Gamepad, "power"> {
  const tenths = status & 0x0f;
  const percent = tenths < 10 ? tenths * 10 + 5 : 100;
  if ((status & CABLE) === 0) return { percent, charging: 0 };
  return tenths > FULL ? { percent: 0, charging: 0 } : { percent, charging: tenths === FULL ? 0 : 1 };
}

const bitsOf = (buttons: readonly (GamepadButton | undefined)[]): number =>
  buttons.reduce((bits, button) => (button === undefined ? bits : bits | gamepadButton(button)), 0);

export function propertiesOf(identity: {
  readonly vendorId: number;
  readonly productId: number;
  readonly version: number;
}): GamepadProperties {
  return {
    ...gamepad.properties!.create(),
    busType: BUS_USB,
    vendor: identity.vendorId,
    product: identity.productId,
    version: identity.version | OTHER_AXES,
    features:
      GAMEPAD_RUMBLE | GAMEPAD_LIGHT | GAMEPAD_PLAYER | GAMEPAD_MOTION | GAMEPAD_TOUCH | GAMEPAD_POWER,
    buttons: bitsOf(order),
    ...{ stickMin: 0, stickMax: 255, triggerMax: 255, sticks: 2, hat: 1 },
    ...{ touchMaxX: TOUCHPAD.width - 1, touchMaxY: TOUCHPAD.height - 1 },
    ...{
      accelRange: ACCEL_RANGE,
      accelPerG: ACCEL_PER_G,
      gyroRange: GYRO_RANGE,
      gyroPerDegree: GYRO_PER_DEGREE,
      motionFuzz: MOTION_FUZZ,
    },
  };
}
