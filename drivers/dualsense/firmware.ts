// Runs in: driver host, jailed. Owns: nothing. Pure: what a DualSense says of its firmware: Linux's drivers/hid/hid-playstation.c
// (dualsense_get_firmware_info, dualsense_create).
import type { RumbleKind } from "./output.ts";

export const EDGE = 0x0df2; // idProduct
const FIRMWARE = 28;
const FEATURES = 44;
/** DS_FEATURE_VERSION(2, 21) */
const SECOND_RUMBLE = 0x0215;

export interface Firmware {
  readonly version: number;
  readonly rumble: RumbleKind;
}

/** `report`: its id first. One that is cut says nothing. */
export function decodeFirmware(report: DataView, productId: number): Firmware {
  const isWhole = report.byteLength >= FEATURES + 2;
  const isNew = productId === EDGE || (isWhole && report.getUint16(FEATURES, true) >= SECOND_RUMBLE);
  return {
    version: isWhole ? report.getUint32(FIRMWARE, true) : 0,
    rumble: isNew ? "second" : "first",
  };
}
