// Runs in: manager. Owns: how the names in a manifest become the ioctl requests of a driver's filter.

import type { UsbGrant } from "@ring3/control/host-edge";
import type { Manifest } from "@ring3/control/manifest";
import { type RequestName, requestNames } from "@ring3/control/surfaces";
import { hostRequests } from "@ring3/kernel/usbfs/constants";

const usbRequests: Readonly<Record<RequestName<"usb">, number>> = hostRequests;

/** Of all surfaces. */
export const everyRequest: readonly number[] = Object.values(usbRequests);

/** None for a device that is reached through a stream: nothing on it takes an ioctl. */
export function grantedRequests({ requests }: Manifest, { transport }: UsbGrant): readonly number[] {
  if (transport !== "usbfs") return [];
  return (requests?.usb ?? requestNames("usb")).map((name) => usbRequests[name]);
}
