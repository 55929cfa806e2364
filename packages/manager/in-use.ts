// Runs in: manager. Owns: nothing. Who other than ring3 has a device, or uses it.

import type { Holder } from "./bus.ts";
import type { Device } from "./device.ts";
import { USBFS } from "./usb-device.ts";

/** Ring3 has it, or is about to have it again. */
export function hasDriver(device: Device): boolean {
  return ["starting", "running", "suspended", "failed"].includes(device.life.state);
}

/** Who other than ring3 has the device now; null: nobody. */
export function ownerOf(device: Device): string | null {
  const owner = device.bus.kernelDriver();
  return owner === USBFS && hasDriver(device) ? null : owner;
}

/** Who other than ring3 uses the device. "one": whoever is found first will do. */
export function holdersOf(device: Device, wanted?: "one"): readonly Holder[] {
  return ownerOf(device) === null ? [] : device.bus.holders(wanted);
}

/** The same in words; undefined: nobody. */
export function inUse(device: Device): string | undefined {
  const holders = holdersOf(device);
  if (holders.length === 0) return undefined;
  const list = holders.map(({ node, how, where }) => `${node} is ${how}${where === "" ? "" : ` (${where})`}`);
  return `in use: ${list.join(", ")}; release it first`;
}
