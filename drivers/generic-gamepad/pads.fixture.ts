// Runs in: tests. Owns: nothing. Report descriptors of pads that other files do not have, and how a descriptor becomes pads.

import { parseReportDescriptor } from "@ring3/core/hid/descriptor";
import { bytes } from "@ring3/core/hid/descriptors.fixture";
import { padsOf } from "./controls.ts";
import { Pad } from "./pad.ts";

/** The cheap one with four sticks' worth of bytes: X, Y, Z, Rz, a hat, twelve buttons. Written from HID Usage Tables 1.5. */
export const plain = bytes(
  "05 01 09 05 a1 01",
  "09 30 09 31 09 32 09 35 15 00 26 ff 00 75 08 95 04 81 02",
  "09 39 15 00 25 07 35 00 46 3b 01 65 14 75 04 95 01 81 42 65 00",
  "05 09 19 01 29 0c 15 00 25 01 75 01 95 0c 81 02",
  "c0",
);

/** Logitech Extreme 3D Pro's controls in the order of its report: a joystick that turns, with a throttle. */
export const flightStick = bytes(
  "05 01 09 04 a1 01",
  "15 00 26 ff 03 75 0a 95 02 09 30 09 31 81 02", // X and Y of ten bits
  "09 39 15 00 25 07 75 04 95 01 81 42",
  "09 35 15 00 26 ff 00 75 08 95 01 81 02", // Rz
  "05 09 19 01 29 08 15 00 25 01 75 01 95 08 81 02",
  "05 01 09 36 15 00 26 ff 00 75 08 95 01 81 02", // slider
  "c0",
);

/** Pedals of the Simulation page, signed sticks, a directional pad of four buttons, and two more by name. */
export const pedals = bytes(
  "05 01 09 05 a1 01 85 07",
  "09 30 09 31 15 81 25 7f 75 08 95 02 81 02",
  "09 32 09 35 81 02",
  "05 02 09 c5 09 c4 15 00 26 ff 03 75 10 95 02 81 02",
  "05 01 09 90 09 91 09 92 09 93 09 3d 09 3e 15 00 25 01 75 01 95 06 81 02 75 02 95 01 81 03",
  "85 08 05 0c 0a 23 02 0a 24 02 09 b2 75 01 95 03 81 02 75 05 95 01 81 03",
  "c0",
);

/** An adapter for two: each a collection and a report of its own; what is a keyboard's is not a pad's. */
export const adapter = bytes(
  "05 01 09 04 a1 01 85 01 09 30 09 31 15 00 26 ff 00 75 08 95 02 81 02 05 09 19 01 29 08 25 01 75 01 95 08 81 02 c0",
  "05 01 09 06 a1 01 85 03 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02 c0",
  "05 01 09 04 a1 01 85 02 09 30 09 31 15 00 26 ff 00 75 08 95 02 81 02 05 09 19 01 29 08 25 01 75 01 95 08 81 02 c0",
);

export function pads(descriptor: Uint8Array): Pad[] {
  const { collections, layout } = parseReportDescriptor(descriptor);
  const identity = { bustype: 5, vendorId: 0x1209, productId: 2, version: 0x0111 };
  return padsOf(collections, layout).map((controls) => new Pad(controls, identity));
}
