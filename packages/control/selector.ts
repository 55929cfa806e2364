// Runs in: manager and CLI. Owns: nothing. How configuration names devices, and how people name them on a command line.
import { DeviceError } from "@ring3/core/errors";
import * as v from "valibot";
import { nearest } from "./nearest.ts";

const usbId = v.pipe(
  v.string(),
  v.regex(/^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}$/, 'vendor and product id as "046d:c52b"'),
  v.toLowerCase(),
);
const deviceId = v.pipe(
  v.string(),
  v.regex(
    /^(usb-[A-Za-z0-9.-]+(:\d+\.\d+)?|hid-[0-9a-f]{4}(:[0-9a-f]{4}){2}[A-Za-z0-9.:_-]*)$/,
    'a device id as "usb-1-4:1.0" or "hid-0005:054c:0ce6-a0:b1:c2:d3:e4:f5"',
  ),
);
export const aliasName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, "an alias of letters, digits, _ and -"),
);

/** One way to name devices; `device` without its interface part names every interface of the device in that port. */
export const selectorEntries = {
  device: v.exactOptional(deviceId),
  usb: v.exactOptional(usbId),
  serial: v.exactOptional(v.pipe(v.string(), v.minLength(1))),
  alias: v.exactOptional(aliasName),
};
export interface Selector {
  device?: string;
  usb?: string;
  serial?: string;
  alias?: string;
}

/** What of a device selectors look at. */
export interface Named {
  readonly id: string;
  readonly alias: string | null;
  /** "046d:c52b". What is on Bluetooth or I2C has ids of the same kind, often the very same as on a cable. */
  readonly usb: string;
  readonly serial: string | null;
}

export function exactlyOne(fields: object, names: readonly string[]): boolean {
  return names.filter((name) => Object.hasOwn(fields, name)).length === 1;
}

export function selects(selector: Selector, device: Named): boolean {
  if (selector.device !== undefined)
    return device.id === selector.device || device.id.startsWith(`${selector.device}:`);
  if (selector.usb !== undefined) return device.usb === selector.usb;
  if (selector.serial !== undefined) return device.serial === selector.serial;
  return selector.alias !== undefined && device.alias === selector.alias;
}

export function selectorText(selector: Selector): string {
  const [[field, value] = ["device", "?"]] = Object.entries(selector);
  return `${field}: ${value}`;
}

/** The devices that a person can mean by an id, an alias or a prefix. Exact names win over prefixes. */
export function fitting<T extends { readonly id: string; readonly alias: string | null }>(
  wanted: string,
  devices: readonly T[],
): T[] {
  const exact = devices.find(({ id, alias }) => id === wanted || alias === wanted);
  if (exact !== undefined) return [exact];
  return devices.filter(
    ({ id, alias }) => wanted !== "" && (id.startsWith(wanted) || alias?.startsWith(wanted)),
  );
}

/** The one device that fits. Throws "invalid", listing what there is. */
export function resolveDevice<T extends { readonly id: string; readonly alias: string | null }>(
  wanted: string,
  devices: readonly T[],
): T {
  const fits = fitting(wanted, devices);
  if (fits.length === 1) return fits[0]!;
  const names = (list: readonly T[]) =>
    list.map(({ id, alias }) => (alias === null ? id : `${id} (${alias})`)).join(", ");
  if (fits.length > 1) throw new DeviceError("invalid", `device "${wanted}": it could be ${names(fits)}`);
  if (devices.length === 0) throw new DeviceError("invalid", `device "${wanted}": there is no device`);
  const meant = nearest(
    wanted,
    devices.flatMap(({ id, alias }) => (alias === null ? [id] : [id, alias])),
  );
  const hint = meant === undefined ? "." : `; did you mean ${meant}?`;
  throw new DeviceError(
    "invalid",
    `device "${wanted}": there is none of that name${hint} Known: ${names(devices)}`,
  );
}
