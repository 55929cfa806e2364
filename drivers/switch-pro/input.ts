// Runs in: driver host, jailed. Owns: nothing. Pure: a Switch Pro Controller's input report, and what it is to programs: Linux's
// drivers/hid/hid-nintendo.c (struct joycon_input_report, joycon_parse_report, joycon_parse_imu_report, joycon_input_create).
import {
  type EventData,
  GAMEPAD_MOTION,
  GAMEPAD_PLAYER,
  GAMEPAD_POWER,
  GAMEPAD_RUMBLE,
  type Gamepad,
  type GamepadButton,
  type GamepadProperties,
  gamepad,
  gamepadButton,
} from "@ring3/sdk";
import {
  ACCEL_MAX,
  ACCEL_PER_G,
  accelValue,
  GYRO_MAX,
  GYRO_PER_DEGREE,
  gyroValue,
  type Sensors,
  STICK_MAX,
  type Stick,
  stickValue,
} from "./calibration.ts";

const BUS_USB = 3; // linux/input.h
/** Programs tell by it which axes are which (nintendo_hid_probe). */
const OTHER_AXES = 0x8000;
const STICK_FUZZ = 250;
const STICK_FLAT = 500;
const MOTION_FUZZ = 10; // JC_IMU_ACCEL_FUZZ, JC_IMU_GYRO_FUZZ

// Of the report without its id.
const POWER = 1;
const BUTTONS = 2;
const LEFT = 5;
const RIGHT = 8;
const SAMPLES = 12;
const SAMPLE_BYTES = 12;
const SAMPLES_COUNT = 3;
const STATE_BYTES = 11;

/** Bits of three bytes. */
const order: readonly (GamepadButton | "down" | "up" | "right" | "left" | undefined)[] = [
  ...(["west", "north", "south", "east"] as const), // Y, X, B, A
  ...([undefined, undefined, "rightShoulder", "rightTrigger"] as const), // R, ZR
  ...(["select", "start", "rightStick", "leftStick"] as const), // minus, plus
  ...(["mode", "z", undefined, undefined] as const), // home, capture: as Linux has it, BTN_Z
  ...(["down", "up", "right", "left"] as const),
  ...([undefined, undefined, "leftShoulder", "leftTrigger"] as const), // L, ZL
];
const directions = ["down", "up", "right", "left"] as const;
const isButton = (name: (typeof order)[number]): name is GamepadButton =>
  name !== undefined && !directions.some((direction) => direction === name);

export interface Calibration {
  readonly sticks: { readonly left: Stick; readonly right: Stick };
  readonly sensors: Sensors;
}

type Untimed<E extends "state" | "motion"> = Omit<EventData<Gamepad, E>, "timestampUs">;

export interface SwitchInput {
  readonly state: Untimed<"state">;
  readonly power: EventData<Gamepad, "power">;
  /** Oldest first; none in a report that is too short for them. */
  readonly motions: readonly Untimed<"motion">[];
}

/** `bytes`: without its id. Undefined: it is too short. */
export function decodeInput(bytes: Uint8Array, { sticks, sensors }: Calibration): SwitchInput | undefined {
  if (bytes.length < STATE_BYTES) return undefined;
  const bits = bytes[BUTTONS]! | (bytes[BUTTONS + 1]! << 8) | (bytes[BUTTONS + 2]! << 16);
  const pressed = order.filter((_, bit) => ((bits >> bit) & 1) === 1);
  const one = (first: (typeof directions)[number], second: (typeof directions)[number]): number =>
    pressed.includes(first) ? -1 : pressed.includes(second) ? 1 : 0;
  const [leftX, leftY] = stick(bytes, LEFT, sticks.left);
  const [rightX, rightY] = stick(bytes, RIGHT, sticks.right);
  return {
    state: {
      buttons: bitsOf(pressed.filter(isButton)),
      ...{ leftX, leftY, rightX, rightY, leftTrigger: 0, rightTrigger: 0 },
      ...{ hatX: one("left", "right"), hatY: one("up", "down") },
    },
    power: powerOf(bytes[POWER]!),
    motions: motionsOf(bytes, sensors),
  };
}

/** Down is positive to programs, up to the controller. */
function stick(bytes: Uint8Array, at: number, { x, y }: Stick): readonly [x: number, y: number] {
  const [low, middle, high] = bytes.subarray(at, at + 3);
  const [rawX, rawY] = [low! | ((middle! & 0x0f) << 8), (middle! >> 4) | (high! << 4)];
  return [stickValue(x, rawX), 0 - stickValue(y, rawY)];
}

/** Four steps from empty to full. */
function powerOf(status: number): EventData<Gamepad, "power"> {
  return { percent: Math.min(100, (status >> 5) * 25), charging: (status >> 4) & 1 };
}

function motionsOf(bytes: Uint8Array, { accel, gyro }: Sensors): Untimed<"motion">[] {
  if (bytes.length < SAMPLES + SAMPLES_COUNT * SAMPLE_BYTES) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: SAMPLES_COUNT }, (_, sample) => {
    const raw = (at: number): number => view.getInt16(SAMPLES + sample * SAMPLE_BYTES + 2 * at, true);
    return {
      accel: accel.map((axis, at) => accelValue(axis, raw(at))),
      gyro: gyro.map((axis, at) => gyroValue(axis, raw(3 + at))),
    };
  });
}

const bitsOf = (buttons: readonly GamepadButton[]): number =>
  buttons.reduce((bits, button) => bits | gamepadButton(button), 0);

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
    features: GAMEPAD_RUMBLE | GAMEPAD_PLAYER | GAMEPAD_MOTION | GAMEPAD_POWER,
    buttons: bitsOf(order.filter(isButton)),
    ...{ stickMin: -STICK_MAX, stickMax: STICK_MAX, stickFuzz: STICK_FUZZ, stickFlat: STICK_FLAT },
    ...{ triggerMax: 0, sticks: 2, hat: 1 },
    ...{ accelRange: ACCEL_MAX, accelPerG: ACCEL_PER_G, gyroRange: GYRO_MAX, gyroPerDegree: GYRO_PER_DEGREE },
    motionFuzz: MOTION_FUZZ,
  };
}
