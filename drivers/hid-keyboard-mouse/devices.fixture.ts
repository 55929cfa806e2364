// Runs in: tests. Owns: nothing. Report descriptors that other files do not have, and how a descriptor becomes units.
import { parseReportDescriptor } from "@ring3/core/hid/descriptor";
import { bytes } from "@ring3/core/hid/descriptors.fixture";
import { type HidLayout, KEYS_PRESSED_MAX } from "@ring3/sdk";
import { applicationsOf } from "./applications.ts";
import { InputUnit, type Said } from "./unit.ts";

/** QEMU's usb-tablet: hw/usb/dev-hid.c, qemu_tablet_hid_report_descriptor. */
export const qemuTablet = bytes(
  "05 01 09 02 a1 01 09 01 a1 00",
  "05 09 19 01 29 03 15 00 25 01 95 03 75 01 81 02 95 01 75 05 81 01",
  "05 01 09 30 09 31 15 00 26 ff 7f 35 00 46 ff 7f 75 10 95 02 81 02",
  "05 01 09 38 15 81 25 7f 35 00 45 00 75 08 95 01 81 06",
  "c0 c0",
);

/**
 * Five buttons, X and Y of twelve bits, two wheels each below a multiplier of its own: HID Usage Tables 1.5 §4.3.1, figure of the mouse. The
 * feature report has two bits more, which are nobody's but the maker's.
 */
export const fineMouse = bytes(
  "05 01 09 02 a1 01 85 05 09 01 a1 00",
  "05 09 19 01 29 05 15 00 25 01 75 01 95 05 81 02 75 03 95 01 81 03",
  "05 01 09 30 09 31 16 01 f8 26 ff 07 75 0c 95 02 81 06",
  "a1 02 85 06 09 48 15 00 25 01 35 01 45 08 75 02 95 01 b1 02 85 05",
  "09 38 15 81 25 7f 35 00 45 00 75 08 81 06 c0",
  "a1 02 85 06 09 48 15 00 25 01 35 01 45 04 75 02 b1 02 06 00 ff 09 01 35 00 45 00 25 0f 75 04 b1 02 85 05",
  "05 0c 0a 38 02 15 81 25 7f 75 08 81 06 c0",
  "c0 c0",
);

/** Macro buttons of a keyboard, a knob that tells steps, and Mute that tells that it was pressed. */
export const macroPad = bytes(
  "05 0c 09 01 a1 01 85 01",
  "09 03 a1 04 05 09 19 01 29 20 15 00 25 01 75 01 95 20 81 02 c0",
  "05 0c 09 e0 15 81 25 7f 75 08 95 01 81 06",
  "09 e2 15 00 25 01 75 08 95 01 81 06 c0",
);

/** A pen by the Digitizers page that has neither tip switch nor range: it touches by its pressure. */
export const plainPen = bytes(
  "05 0d 09 02 a1 01 09 20 a1 00 09 30 15 0a 26 0a 04 75 10 95 01 81 02",
  "05 01 09 30 09 31 15 9c 25 64 75 08 95 02 81 02 05 06 09 20 15 00 25 0a 81 02 95 01 81 02 c0 c0",
);

export function deviceOf(descriptor: Uint8Array): { units: InputUnit[]; layout: HidLayout } {
  const { collections, layout } = parseReportDescriptor(descriptor);
  const identity = { bustype: 5, vendorId: 0x1209, productId: 3, version: 0x0111 };
  const units = applicationsOf(collections, "Acme")
    .map((application) => new InputUnit(application, layout, identity))
    .filter(({ isUsed }) => isUsed);
  return { units, layout };
}

export const unitsOf = (descriptor: Uint8Array): InputUnit[] => deviceOf(descriptor).units;

export function only(descriptor: Uint8Array): InputUnit {
  const [unit, ...more] = unitsOf(descriptor);
  if (unit === undefined || more.length > 0) throw new Error(`one unit wanted, ${more.length + 1} found`);
  return unit;
}

/** KEY_* and BTN_*, which a unit may send. */
export function codesOf({ properties }: InputUnit): number[] {
  return Array.from({ length: 0x300 }, (_, code) => code).filter(
    (code) => ((properties.keys[code >>> 5]! >>> (code & 31)) & 1) === 1,
  );
}

/** Without the zeroes behind the last. */
export const pressed = (said: Pick<Said, "keys"> | undefined): number[] =>
  said!.keys.pressed.slice(0, KEYS_PRESSED_MAX).filter((code) => code !== 0);
