// Runs in: driver host, manager. Owns: nothing. Who holds an interface, asked of the kernel itself.
import { GETDRIVER_BYTES, USBDEVFS_GETDRIVER } from "./constants.ts";

export interface Ioctl {
  /** >= 0 or a negative errno. */
  ioctl(request: number, argument: Uint8Array | number): number;
}

/** The driver bound to the interface: "usb-storage", "usbfs" when it is claimed through usbfs; undefined when none is. */
export function driverOf(calls: Ioctl, interfaceNumber: number): string | undefined {
  const argument = new Uint8Array(GETDRIVER_BYTES);
  new DataView(argument.buffer).setUint32(0, interfaceNumber, true);
  if (calls.ioctl(USBDEVFS_GETDRIVER, argument) < 0) return undefined; // ENODATA: none (devio.c, proc_getdriver)
  const name = argument.subarray(4);
  const end = name.indexOf(0);
  return new TextDecoder("latin1").decode(end === -1 ? name : name.subarray(0, end));
}
