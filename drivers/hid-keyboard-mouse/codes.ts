// Runs in: driver host, jailed. Owns: nothing. Pure: which key, button or light of Linux a control is: facts of drivers/hid/hid-input.c
// (hidinput_configure_usage), with the numbers of linux/input-event-codes.h.
import { type HidCollectionInfo, hidUsages, KEY_CODES, keyOfUsage } from "@ring3/sdk";

const { mouse, pointer, joystick, gamepad } = hidUsages.genericDesktop;
const { programmableButtons } = hidUsages.consumer;
const pages = hidUsages.usagePages;
const usages = hidUsages.digitizer;
const PHYSICAL = 0; // HID 1.11 §6.2.2.6
const NAMED_ARRAY = 4;

const BTN_MISC = 0x100;
const BTN_MOUSE = 0x110;
const BTN_JOYSTICK = 0x120;
const BTN_GAMEPAD = 0x130;
export const BTN_TOOL_RUBBER = 0x141;
export const BTN_TOUCH = 0x14a;
const BTN_STYLUS = 0x14b;
const BTN_STYLUS2 = 0x14c;
const KEY_MACRO1 = 0x290;
const MACROS = 30;
const BTN_TRIGGER_HAPPY = 0x2c0;
export const KEY_VOLUMEDOWN = 114;
export const KEY_VOLUMEUP = 115;

const firstButtons: ReadonlyMap<number, number> = new Map([
  [mouse, BTN_MOUSE],
  [pointer, BTN_MOUSE],
  [joystick, BTN_JOYSTICK],
  [gamepad, BTN_GAMEPAD],
]);
const penButtons: ReadonlyMap<number, number> = new Map([
  [usages.barrelSwitch, BTN_STYLUS],
  [usages.tabletPick, BTN_STYLUS2],
  [usages.secondaryBarrelSwitch, BTN_STYLUS2],
]);

/** LED_*, by usage. */
export const leds: ReadonlyMap<number, number> = new Map([
  [hidUsages.led.numLock, 0],
  [hidUsages.led.capsLock, 1],
  [hidUsages.led.scrollLock, 2],
  [hidUsages.led.compose, 3],
  [hidUsages.led.kana, 4],
  [0x0008_0027, 5], // Stand-By: LED_SLEEP
  [0x0008_004c, 6], // System Suspend: LED_SUSPEND
  [hidUsages.led.mute, 7],
  [0x0008_004b, 8], // Generic Indicator: LED_MISC
  [0x0008_0019, 9], // Message Waiting: LED_MAIL
  [0x0008_004d, 10], // External Power Connected: LED_CHARGING
]);

/** KEY_* or BTN_*; `path`: the collections around the control. Undefined: it is none. */
export function codeOf(usage: number, path: readonly HidCollectionInfo[]): number | undefined {
  switch (usage >>> 16) {
    case pages.button:
      return buttonCode((usage & 0xffff) - 1, path);
    case pages.digitizer:
      return penButtons.get(usage);
    default:
      return keyOfUsage(usage);
  }
}

function buttonCode(number: number, path: readonly HidCollectionInfo[]): number | undefined {
  const usageOf = ({ usagePage, usage }: HidCollectionInfo): number => ((usagePage << 16) | usage) >>> 0;
  const isMacro = path.some((each) => each.type === NAMED_ARRAY && usageOf(each) === programmableButtons);
  const physical = path.findLast(({ type }) => type === PHYSICAL);
  const first =
    firstButtons.get(path[0] === undefined ? 0 : usageOf(path[0])) ??
    firstButtons.get(physical === undefined ? 0 : usageOf(physical)) ??
    BTN_MISC;
  const macro = number < MACROS ? KEY_MACRO1 + number : BTN_TRIGGER_HAPPY + number - MACROS;
  const code = isMacro ? macro : first + number;
  return number >= 0 && code < KEY_CODES ? code : undefined;
}

/** What Wacom's digitizer page calls by other numbers (drivers/hid/wacom_wac.c, wacom_equivalent_usage). */
export function plainUsage(usage: number): number {
  if (usage >>> 16 !== 0xff0d) return usage;
  const page = (usage >>> 8) & 0xff;
  return ((page === 0 ? pages.digitizer : page) << 16) | (usage & 0xff);
}
