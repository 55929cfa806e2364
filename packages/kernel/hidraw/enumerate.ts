// Runs in: manager. Owns: nothing. The HID devices that the kernel has found, read from sysfs: whichever bus they are on, and whoever made them.
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DeviceError } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";
import { boundDriver, names } from "../sysfs/entries.ts";

export interface HidDeviceInfo {
  /** "0005:054C:0CE6.0004": bus type, vendor, product, and a number that the kernel counts up with each device that it finds (hid_add_device). */
  readonly kernelName: string;
  /** BUS_* of linux/input.h. */
  readonly bustype: number;
  readonly vendor: number;
  readonly product: number;
  /** 0 where the kernel makes no input device of it, which alone would tell. */
  readonly version: number;
  readonly name: string;
  /** Where it is, as far as its transport says: an adapter's address, an I2C client's name. */
  readonly phys: string | undefined;
  /** Which one it is: a Bluetooth device's address, a serial number. */
  readonly uniq: string | undefined;
  readonly reportDescriptor: Uint8Array;
  /** The kernel's driver that has it: hid-generic, where there is none that knows better. */
  readonly driver: string | undefined;
  /** "/dev/hidraw3"; undefined until a driver is bound, and where the kernel has no hidraw. */
  readonly node: string | undefined;
  /** Folders of the input devices that the kernel makes of it, and of what is below it. */
  readonly inputs: readonly string[];
  /** It is a part of a USB interface. */
  readonly isOnUsb: boolean;
}

/** linux/input.h */
const BUS_USB = 0x03;

const DEVICE_NAME = /^[0-9A-F]{4}:[0-9A-F]{4}:[0-9A-F]{4}\.[0-9A-F]{4,}$/; // "%04X:%04X:%04X.%04X", drivers/hid/hid-core.c
const HID_ID = /^([0-9A-F]{4}):([0-9A-F]{8}):([0-9A-F]{8})$/; // hid_uevent
const INPUT_NAME = /^input\d+$/; // drivers/input/input.c, input_allocate_device
/** HID devices may have others below them, as a receiver has what is paired with it; input devices have nodes and LEDs. */
const DEPTH_MAX = 4;

const devicesFolder = (sysfsRoot: string) => join(sysfsRoot, "bus/hid/devices");

/** The kernel's names of all that there are, in the order in which it has found them. */
export function hidDeviceNames(sysfsRoot: string): string[] {
  const counter = (name: string) => Number.parseInt(name.split(".")[1]!, 16);
  return names(devicesFolder(sysfsRoot))
    .filter((name) => DEVICE_NAME.test(name))
    .sort((a, b) => counter(a) - counter(b));
}

/** In the order in which they were found. A device that cannot be read is told to `onRefused` and left out. */
export function readHidDevices(
  sysfsRoot = "/sys",
  onRefused: (kernelName: string, error: DeviceError) => void = () => {},
): HidDeviceInfo[] {
  return hidDeviceNames(sysfsRoot).flatMap((name) => {
    const device = readHidDevice(sysfsRoot, name);
    if (!(device instanceof DeviceError)) return [device];
    if (device.kind !== "disconnected") onRefused(name, device); // unplugged meanwhile: nothing to tell
    return [];
  });
}

export function readHidDevice(sysfsRoot: string, kernelName: string): HidDeviceInfo | DeviceError {
  const what = `read HID device ${kernelName} from sysfs`;
  try {
    const folder = realpathSync(join(devicesFolder(sysfsRoot), kernelName));
    const uevent = variables(readFileSync(join(folder, "uevent"), "utf8"));
    const id = HID_ID.exec(uevent.get("HID_ID") ?? "");
    if (id === null) return new DeviceError("protocol", `${what}: HID_ID ${uevent.get("HID_ID") ?? "none"}`);
    const [bustype, vendor, product] = id.slice(1).map((digits) => Number.parseInt(digits, 16));
    const inputs = inputsBelow(folder, DEPTH_MAX);
    const hidraw = names(join(folder, "hidraw")).find((name) => /^hidraw\d+$/.test(name));
    return {
      kernelName,
      bustype: bustype!,
      vendor: vendor! & 0xffff,
      product: product! & 0xffff,
      version: versionOf(inputs),
      name: uevent.get("HID_NAME") ?? "HID device",
      phys: uevent.get("HID_PHYS"),
      uniq: uevent.get("HID_UNIQ"),
      reportDescriptor: new Uint8Array(readFileSync(join(folder, "report_descriptor"))),
      driver: boundDriver(folder),
      node: hidraw === undefined ? undefined : `/dev/${hidraw}`,
      inputs,
      isOnUsb: bustype === BUS_USB && hasUsbInterfaceAbove(folder, realpathSync(sysfsRoot)),
    };
  } catch (error) {
    if (error instanceof DeviceError) throw error;
    return new DeviceError("disconnected", `${what}: ${(error as Error).message}`);
  }
}

/** `KEY=VALUE` a line; empty values left out. */
function variables(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line): [string, string][] => {
      const at = line.indexOf("=");
      const value = readable(line.slice(at + 1));
      return at < 1 || value === undefined ? [] : [[line.slice(0, at), value]];
    }),
  );
}

/** A device's own words, as far as its line in `uevent` goes; undefined: none. */
export function readable(words: string): string | undefined {
  const [line] = words.split("\n") as [string];
  return printable(line.trim()) || undefined;
}

function inputsBelow(folder: string, depth: number): string[] {
  if (depth === 0) return [];
  return folders(folder).flatMap((name) => {
    const below = join(folder, name);
    return basename(folder) === "input" && INPUT_NAME.test(name) ? [below] : inputsBelow(below, depth - 1);
  });
}

/** All have that of their HID device (hidinput_allocate). They come and go with its driver, and while one looks. */
function versionOf(inputs: readonly string[]): number {
  for (const input of inputs)
    try {
      return Number.parseInt(readFileSync(join(input, "id/version"), "utf8"), 16);
    } catch {} // it has gone
  return 0;
}

/** A Bluetooth device is below its adapter's USB interface, and no part of it: its bus type says so. */
function hasUsbInterfaceAbove(folder: string, root: string): boolean {
  for (let above = dirname(folder); above.startsWith(`${root}/`); above = dirname(above))
    if (names(above).includes("bInterfaceNumber")) return true;
  return false;
}

/** Links lead out of the device's own tree. */
function folders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
}
