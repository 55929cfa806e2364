// Runs in: manager. Owns: how the names in a manifest become the ioctl requests of a driver's filter.

import type { Manifest } from "@ring3/control/manifest";
import { type RequestName, requestNames, type SurfaceName } from "@ring3/control/surfaces";
import { hostRequests as hidrawRequests } from "@ring3/kernel/hidraw/constants";
import { hostRequests as usbfsRequests } from "@ring3/kernel/usbfs/constants";
import type { BusDevice } from "./bus.ts";

type Name = RequestName<SurfaceName>;

const numbers: { readonly [S in SurfaceName]: Readonly<Record<RequestName<S>, number>> } = {
  usb: usbfsRequests,
  hidraw: hidrawRequests,
};
const requests: ReadonlyMap<Name, number> = new Map(
  Object.values(numbers).flatMap((table) => Object.entries(table) as [Name, number][]),
);

/** Of all surfaces. */
export const everyRequest: readonly number[] = [...requests.values()];

/** The surface that a device is opened by, where it takes requests; nothing on a stream takes an ioctl. */
const surfaceOf: Readonly<Record<BusDevice["transport"], SurfaceName | undefined>> = {
  usbfs: "usb",
  usbip: undefined,
  hidraw: "hidraw",
};

export function grantedNames(
  { requests }: Manifest,
  { transport }: Pick<BusDevice, "transport">,
): readonly Name[] {
  const surface = surfaceOf[transport];
  if (surface === undefined) return [];
  return (requests?.[surface] as readonly Name[] | undefined) ?? requestNames(surface);
}

/** As a manifest has them. */
export function namesOf(numbers: readonly number[]): readonly Name[] {
  return [...requests].flatMap(([name, number]) => (numbers.includes(number) ? [name] : []));
}

export function grantedRequests(manifest: Manifest, device: Pick<BusDevice, "transport">): readonly number[] {
  return grantedNames(manifest, device).map((name) => requests.get(name)!);
}

/** Whichever of its surfaces a device has. */
export function requestsOfAll(manifest: Manifest): readonly number[] {
  const transports = Object.keys(surfaceOf) as BusDevice["transport"][];
  return transports
    .filter((transport) => manifest.grants.some((name) => name === surfaceOf[transport]))
    .flatMap((transport) => grantedRequests(manifest, { transport }));
}
