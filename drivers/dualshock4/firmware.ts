// Runs in: driver host, jailed. Owns: nothing. Pure: what a DualShock 4 says of its firmware: Linux's drivers/hid/hid-playstation.c
// (dualshock4_get_firmware_info).

const HARDWARE = 35;
const FIRMWARE = 41;

/** For the log. `report`: its id first. */
export function firmwareText(report: DataView): string {
  if (report.byteLength < FIRMWARE + 2) return "unknown";
  const hex = (at: number): string => report.getUint16(at, true).toString(16).padStart(4, "0");
  return `${hex(FIRMWARE)} on hardware ${hex(HARDWARE)}`;
}
