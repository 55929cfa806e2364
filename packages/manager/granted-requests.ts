// Runs in: manager. Owns: how the names in a manifest become the ioctl requests of a driver's filter.

import type { Manifest } from "@ring3/control/manifest";
import { type RequestName, requestNames } from "@ring3/control/surfaces";
import { hostRequests } from "@ring3/kernel/usbfs/constants";
import type { BusDevice } from "./bus.ts";

const usbRequests: Readonly<Record<RequestName<"usb">, number>> = hostRequests;

/** Of all surfaces. */
export const everyRequest: readonly number[] = Object.values(usbRequests);

/** None for a device that is reached through a stream: nothing on it takes an ioctl. */
export function grantedNames(
  { requests }: Manifest,
  { transport }: Pick<BusDevice, "transport">,
): readonly RequestName<"usb">[] {
  return transport === "usbfs" ? (requests?.usb ?? requestNames("usb")) : [];
}

/** As a manifest has them. */
export function namesOf(requests: readonly number[]): readonly RequestName<"usb">[] {
  return requestNames("usb").filter((name) => requests.includes(usbRequests[name]));
}

export function grantedRequests(manifest: Manifest, device: Pick<BusDevice, "transport">): readonly number[] {
  return grantedNames(manifest, device).map((name) => usbRequests[name]);
}
