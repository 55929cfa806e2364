// Runs in: driver host, jailed. Owns: nothing. Pure: what a Switch Pro Controller is told and how it answers: Linux's drivers/hid/hid-nintendo.c,
// and dekuNukem's Nintendo_Switch_Reverse_Engineering ("bluetooth_hid_notes.md", "USB-HID-Notes.md").
import type { Rumble } from "./rumble.ts";

// Output reports.
export const SUBCOMMAND_ID = 0x01;
export const RUMBLE_ID = 0x10;
export const USB_ID = 0x80;
// Input reports.
export const REPLY_ID = 0x21;
export const INPUT_ID = 0x30;
export const USB_REPLY_ID = 0x81;

export const usbCommands = {
  status: 0x01,
  handshake: 0x02,
  baudRate3M: 0x03,
  /** Stay with USB, whatever happens; nothing answers it. */
  noTimeout: 0x04,
} as const;

export const subcommands = {
  deviceInfo: 0x02,
  reportMode: 0x03,
  readFlash: 0x10,
  playerLights: 0x30,
  motionSensors: 0x40,
  vibration: 0x48,
} as const;

/** Of the report mode: all that it has, at a steady pace. */
export const FULL_REPORTS = 0x30;
export const PRO_CONTROLLER = 3; // of the device info
/** A read of its flash brings so much at most. */
export const FLASH_READ_MAX = 0x1d;

/** An output report without its id. */
type Output = Uint8Array<ArrayBuffer>;

/** `number`: 0 to 15, another each time. */
export const rumbleOnly = (number: number, rumble: Rumble): Output => Uint8Array.of(number, ...rumble);
export const subcommand = (number: number, rumble: Rumble, id: number, data: readonly number[]): Output =>
  Uint8Array.of(number, ...rumble, id, ...data);

export const flashRead = (address: number, length: number): number[] => [
  ...[0, 8, 16, 24].map((shift) => (address >>> shift) & 0xff),
  length,
];

/** drivers/hid/hid-nintendo.c, joycon_player_led_patterns: the first of four lights in the lowest bit. */
const PLAYERS = [0b0001, 0b0011, 0b0111, 0b1111, 0b1001, 0b0101, 0b1101, 0b0110];

/** From the ninth on anew; 0: none. */
export const playerLights = (number: number): number =>
  number === 0 ? 0 : PLAYERS[(number - 1) % PLAYERS.length]!;

/** What an input report says if it answers a USB command; `bytes`: without its id. */
export function usbReply(reportId: number, bytes: Uint8Array, command: number): Uint8Array | undefined {
  return reportId === USB_REPLY_ID && bytes[0] === command ? bytes.slice(1) : undefined;
}

const ACKNOWLEDGED = 12;
const ANSWERED = 13;
const DATA = 14;

export interface Reply {
  readonly isAccepted: boolean;
  readonly data: Uint8Array;
}

/** The same of a subcommand. */
export function reply(reportId: number, bytes: Uint8Array, id: number): Reply | undefined {
  if (reportId !== REPLY_ID || bytes.length < DATA || bytes[ANSWERED] !== id) return undefined;
  return { isAccepted: (bytes[ACKNOWLEDGED]! & 0x80) !== 0, data: bytes.slice(DATA) };
}

/** What was read of the flash, if it was this: `asked` as `flashRead` has it. */
export function flashData({ data }: Reply, asked: readonly number[]): Uint8Array | undefined {
  const length = asked[4]!;
  const isIt = asked.every((byte, at) => data[at] === byte) && data.length >= asked.length + length;
  return isIt ? data.subarray(asked.length, asked.length + length) : undefined;
}
