// Runs in: driver host, jailed. Owns: nothing. Pure: what a DualShock 4 is: its reports, where they have what, and its properties: Linux's
// drivers/hid/hid-playstation.c (DS4_FEATURE_REPORT_*, struct dualshock4_input_report_usb, dualshock4_parse_report).
import {
  GAMEPAD_LIGHT,
  GAMEPAD_MOTION,
  GAMEPAD_PLAYER,
  GAMEPAD_POWER,
  GAMEPAD_RUMBLE,
  GAMEPAD_TOUCH,
  type GamepadProperties,
  playstation,
} from "@ring3/sdk";
import { OUTPUT_ID } from "./output.ts";

const TOUCHES = 32; // of the report without its id
const TOUCHES_MAX = 3;
const TOUCH_BYTES = 9; // a time, two fingers
const CABLE = 0x10; // of the status
const FULL = 11;

export const dualShock4: playstation.PadKind = {
  name: "DualShock 4",
  outputId: OUTPUT_ID,
  firmware: { id: 0xa3, bytes: 49 },
  calibration: { id: 0x02, bytes: 37 },
  input: {
    ...{ buttons: 4, triggers: 7, gyro: 12, accel: 18, status: 29 },
    touchpad: { width: 1920, height: 942 },
    touches: (bytes) =>
      Array.from(
        { length: Math.min(TOUCHES_MAX, bytes[TOUCHES]!) },
        (_, index) => TOUCHES + 2 + TOUCH_BYTES * index,
      ),
    power: powerOf,
  },
};

/** Tenths, of which the middle is told; on a cable full, or an error, which counts as empty. */
function powerOf(status: number): playstation.Power {
  const tenths = status & 0x0f;
  const percent = tenths < 10 ? tenths * 10 + 5 : 100;
  if ((status & CABLE) === 0) return { percent, charging: 0 };
  return tenths > FULL ? { percent: 0, charging: 0 } : { percent, charging: tenths === FULL ? 0 : 1 };
}

export const propertiesOf = (identity: playstation.Identity): GamepadProperties =>
  playstation.propertiesOf(
    identity,
    dualShock4.input,
    GAMEPAD_RUMBLE | GAMEPAD_LIGHT | GAMEPAD_PLAYER | GAMEPAD_MOTION | GAMEPAD_TOUCH | GAMEPAD_POWER,
  );
