// Runs in: driver host, jailed. Owns: nothing. Pure: the messages of the wired Xbox 360 controller, as Linux's drivers/input/joystick/xpad.c and
// xboxdrv's PROTOCOL have them.
import type { GamepadButton } from "@ring3/sdk";
import type { Model } from "./models.ts";
import { type State, stateOf } from "./state.ts";

const INPUT = 0x00;
/** Of an input message's 20 bytes those that mean something. */
const INPUT_BYTES = 14;
export const TRIGGER_MAX = 255;

/** Bytes 2 and 3, from bit 4 on: below them are the directions. */
const order: readonly (GamepadButton | undefined)[] = [
  ...(["start", "select", "leftStick", "rightStick"] as const),
  ...(["leftShoulder", "rightShoulder", "mode", undefined] as const),
  ...(["south", "east", "north", "west"] as const), // A, B, X, Y
];

/** Undefined: it tells nothing of the controls. */
export function decodeInput(bytes: Uint8Array, model: Model): State | undefined {
  if (bytes[0] !== INPUT || bytes.length < INPUT_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bits = view.getUint16(2, true);
  return stateOf(model, {
    bits: bits >> 4,
    order,
    directions: bits & 0x0f,
    leftTrigger: bytes[4]!,
    rightTrigger: bytes[5]!,
    sticks: new DataView(view.buffer, view.byteOffset + 6, 8),
  });
}

/** Both from 0 to 65535. */
export const rumble = (strong: number, weak: number): Uint8Array =>
  Uint8Array.of(0x00, 0x08, 0x00, strong >> 8, weak >> 8, 0x00, 0x00, 0x00);

/** The ring of light (xpad_send_led_command): 0 dark, 2 to 5 blink and then shine for player 1 to 4, 6 to 9 shine at once. */
export const light = (pattern: number): Uint8Array => Uint8Array.of(0x01, 0x03, pattern);
export const playerBlinks = (number: number): number => 2 + ((number - 1) % 4);
export const playerPattern = (number: number): number => (number === 0 ? 0 : 6 + ((number - 1) % 4));

/** Some copies tell nothing before they are asked for it (xpad_start_input); the answer is an input message, or a stall. */
export const readInput = { requestType: 0xc1, request: 0x01, value: 0x0100, index: 0 } as const;
export const READ_INPUT_BYTES = 20;
