// Runs in: manager. Owns: nothing. The USB devices that the kernel has enumerated, read from sysfs (Documentation/ABI/stable/sysfs-bus-usb).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceError, systemError } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";
import { boundDriver, names } from "../sysfs/entries.ts";
import { parseDescriptors } from "../usb/descriptors.ts";
import { interfaceId, type UsbDeviceInfo, type UsbInterfaceInfo, type UsbSpeed } from "../usb/device-info.ts";

const ENOENT = 2;

// What speed_show prints, in Mbit/s: drivers/usb/core/sysfs.c
const speeds: Readonly<Record<string, UsbSpeed>> = {
  "1.5": "low",
  "12": "full",
  "480": "high",
  "5000": "super",
  "10000": "super-plus",
  "20000": "super-plus",
};

// "1-4.2": a bus and the ports on the way. Root hubs ("usb1") and interfaces ("1-4.2:1.0") are named otherwise.
const DEVICE_NAME = /^[1-9]\d*-[1-9]\d*(\.[1-9]\d*)*$/;

export const devicesFolder = (sysfsRoot: string) => join(sysfsRoot, "bus/usb/devices");

/** Hubs at the root are left out. A device that cannot be read or lies about itself is told to `onRefused` and left out. */
export function readUsbDevices(
  sysfsRoot = "/sys",
  onRefused: (port: string, error: DeviceError) => void = () => {},
): UsbDeviceInfo[] {
  const devices: UsbDeviceInfo[] = [];
  for (const name of names(devicesFolder(sysfsRoot)).filter((entry) => DEVICE_NAME.test(entry))) {
    const device = readUsbDevice(sysfsRoot, name);
    if (!(device instanceof DeviceError)) devices.push(device);
    else if (device.kind !== "disconnected") onRefused(name, device); // unplugged meanwhile: nothing to tell
  }
  return devices;
}

/** `name` is the port: "1-4.2". */
export function readUsbDevice(sysfsRoot: string, name: string): UsbDeviceInfo | DeviceError {
  const what = `read USB device ${name} from sysfs`;
  if (!DEVICE_NAME.test(name)) return new DeviceError("invalid", `${what}: a port looks like "1-4.2"`);
  const folder = join(devicesFolder(sysfsRoot), name);
  try {
    const speed = speeds[attribute(folder, "speed") ?? ""];
    if (speed === undefined) {
      return new DeviceError("unsupported", `${what}: speed ${attribute(folder, "speed") ?? "unknown"}`);
    }
    const configurationValue = number(folder, "bConfigurationValue") ?? 0; // an unconfigured device has an empty line
    return {
      port: name,
      busNumber: required(folder, "busnum"),
      deviceNumber: required(folder, "devnum"),
      speed,
      configurationValue,
      descriptors: parseDescriptors(readFileSync(join(folder, "descriptors"))),
      strings: {
        manufacturer: attribute(folder, "manufacturer"),
        product: attribute(folder, "product"),
        serial: attribute(folder, "serial"),
      },
      interfaces: interfacesOf(sysfsRoot, name, configurationValue),
    };
  } catch (error) {
    if (error instanceof DeviceError) return withContext(error, what);
    const errno = Math.abs((error as NodeJS.ErrnoException).errno ?? ENOENT);
    if (errno === ENOENT) return new DeviceError("disconnected", what, { errno });
    return systemError(what, errno);
  }
}

/** The folder of an interface: "usb-1-4.2:1.0" lies at .../devices/1-4.2:1.0. */
export function interfaceFolder(sysfsRoot: string, id: string): string {
  return join(devicesFolder(sysfsRoot), id.replace(/^usb-/, ""));
}

function interfacesOf(sysfsRoot: string, port: string, configurationValue: number): UsbInterfaceInfo[] {
  const prefix = `${port}:${configurationValue}.`;
  return names(join(devicesFolder(sysfsRoot), port))
    .filter((entry) => entry.startsWith(prefix) && /^\d+$/.test(entry.slice(prefix.length)))
    .map((entry) => Number(entry.slice(prefix.length)))
    .sort((a, b) => a - b)
    .map((interfaceNumber) => {
      const id = interfaceId(port, configurationValue, interfaceNumber);
      return { number: interfaceNumber, id, driver: boundDriver(interfaceFolder(sysfsRoot, id)) };
    });
}

/** The text of an attribute as one harmless line; undefined when the device has none. */
function attribute(folder: string, name: string): string | undefined {
  try {
    return printable(readFileSync(join(folder, name), "utf8").trim()) || undefined;
  } catch {
    return undefined;
  }
}

function number(folder: string, name: string): number | undefined {
  const text = attribute(folder, name);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function required(folder: string, name: string): number {
  const value = number(folder, name);
  if (value === undefined) throw new DeviceError("disconnected", `attribute ${name}`);
  return value;
}

function withContext(error: DeviceError, what: string): DeviceError {
  return new DeviceError(error.kind, `${what} (${error.message})`, { errno: error.errno, cause: error });
}
