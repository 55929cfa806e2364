// Runs in: manager. Owns: nothing. What a USB interface is to matching, listings and grants, whichever way it is reached.

import { isDeepStrictEqual } from "node:util";
import type { Identity } from "@ring3/control/fields";
import type { UsbGrant } from "@ring3/control/host-edge";
import type { UsbFacts } from "@ring3/control/match";
import { DeviceError } from "@ring3/core/errors";
import type { UsbDeviceInfo } from "@ring3/kernel/usb/device-info";

export const hex4 = (id: number) => id.toString(16).padStart(4, "0");

export function identityOf(info: UsbDeviceInfo): Identity {
  const { vendorId, productId } = info.descriptors.device;
  return { vendor: hex4(vendorId), product: hex4(productId), serial: info.strings.serial ?? null };
}

/** Whether a device may still be the one that was looked at before; strings are compared as a whole, serial number and all. */
export function looksTheSame(before: UsbDeviceInfo, now: UsbDeviceInfo): boolean {
  return (
    Buffer.compare(before.descriptors.bytes, now.descriptors.bytes) === 0 &&
    isDeepStrictEqual(before.strings, now.strings) &&
    before.busNumber === now.busNumber &&
    before.deviceNumber === now.deviceNumber && // counted up at each enumeration, where a kernel is the server
    before.configurationValue === now.configurationValue
  );
}

/** The driver name that sysfs shows for an interface that a program has claimed: a driver of ring3, or another program. */
export const USBFS = "usbfs";

/** What is claimed is bound to usbfs until it is released, or taken away: with a reset of the bus, since usbfs cannot live through one (usbfs_driver, devio.c). */
export function lostClaim(kernelDriver: string | null): string | undefined {
  if (kernelDriver === USBFS) return undefined;
  const has = kernelDriver === null ? "nobody has" : `the kernel's driver ${kernelDriver} has`;
  return `the bus was reset, and ${has} the interface now`;
}

export function nameOf(info: UsbDeviceInfo): string {
  const { manufacturer, product } = info.strings;
  const name = [manufacturer, product].filter((text) => text !== undefined && text !== "").join(" ");
  return name === "" ? "USB device" : name;
}

export function factsOf(info: UsbDeviceInfo, interfaceNumber: number): UsbFacts {
  const { device, configurations } = info.descriptors;
  const alternates = configurations
    .find(({ value }) => value === info.configurationValue)
    ?.interfaces.filter(({ number }) => number === interfaceNumber);
  // Setting 0 is what a device starts with (USB 2.0, 9.2.3); some devices do not describe it.
  const alternate = alternates?.find(({ alternate }) => alternate === 0) ?? alternates?.[0];
  if (alternate === undefined)
    throw new DeviceError(
      "protocol",
      `USB device ${info.port}: no descriptor for its interface ${interfaceNumber}`,
    );
  return {
    bus: "usb",
    vendor: device.vendorId,
    product: device.productId,
    serial: info.strings.serial ?? null,
    deviceClass: device.deviceClass,
    interfaceClass: alternate.class,
    interfaceSubclass: alternate.subclass,
    interfaceProtocol: alternate.protocol,
  };
}

export function grantTerms(
  info: UsbDeviceInfo,
  interfaceNumber: number,
  transport: UsbGrant["transport"],
  devid: number,
): UsbGrant {
  const { manufacturer, product, serial } = info.strings;
  return {
    surface: "usb",
    transport,
    interface: interfaceNumber,
    descriptors: Buffer.from(info.descriptors.bytes).toString("base64"),
    strings: { manufacturer: manufacturer ?? null, product: product ?? null, serial: serial ?? null },
    speed: info.speed,
    configuration: info.configurationValue,
    devid,
  };
}
