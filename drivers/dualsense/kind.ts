// Runs in: driver host, jailed. Owns: nothing. Pure: what a DualSense is: its reports, where they have what, and its properties: Linux's
// drivers/hid/hid-playstation.c (DS_FEATURE_REPORT_*, struct dualsense_input_report, dualsense_parse_report).
import {
  GAMEPAD_LIGHT,
  GAMEPAD_MOTION,
  GAMEPAD_PLAYER,
  GAMEPAD_POWER,
  GAMEPAD_RUMBLE,
  GAMEPAD_TOUCH,
  GAMEPAD_TRIGGER_EFFECTS,
  type GamepadProperties,
  playstation,
} from "@ring3/sdk";
import { OUTPUT_ID } from "./output.ts";

const BUTTONS = 7; // of the report without its id
const TOUCH = 32;
const MUTE = 1 << 2; // of the last byte of buttons

export const dualSense: playstation.PadKind = {
  name: "DualSense",
  outputId: OUTPUT_ID,
  firmware: { id: 0x20, bytes: 64 },
  calibration: { id: 0x05, bytes: 41 },
  input: {
    ...{ triggers: 4, buttons: BUTTONS, gyro: 15, accel: 21, status: 52 },
    touchpad: { width: 1920, height: 1080 },
    touches: () => [TOUCH],
    power: powerOf,
  },
};

export const isMutePressed = (bytes: Uint8Array): boolean => (bytes[BUTTONS + 2]! & MUTE) !== 0;

/** Tenths, of which the middle is told; full; or an error, which counts as empty. */
function powerOf(status: number): playstation.Power {
  const percent = Math.min(100, (status & 0x0f) * 10 + 5);
  switch (status >> 4) {
    case 0:
      return { percent, charging: 0 };
    case 1:
      return { percent, charging: 1 };
    case 2:
      return { percent: 100, charging: 0 };
    default:
      return { percent: 0, charging: 0 };
  }
}

export const propertiesOf = (identity: playstation.Identity): GamepadProperties =>
  playstation.propertiesOf(
    identity,
    dualSense.input,
    GAMEPAD_RUMBLE |
      GAMEPAD_LIGHT |
      GAMEPAD_PLAYER |
      GAMEPAD_MOTION |
      GAMEPAD_TOUCH |
      GAMEPAD_POWER |
      GAMEPAD_TRIGGER_EFFECTS,
  );
