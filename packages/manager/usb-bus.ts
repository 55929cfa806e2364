// Runs in: manager. Owns: nothing. The USB interfaces of this machine's kernel, as sysfs has them.

import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import { isDenied } from "@ring3/kernel/open/permission";
import type { UsbDeviceInfo } from "@ring3/kernel/usb/device-info";
import { readUsbDevice, readUsbDevices } from "@ring3/kernel/usbfs/enumerate";
import { giveBack, openGrant, usbfsNodePath } from "@ring3/kernel/usbfs/grant";
import { holdersOf } from "@ring3/kernel/usbfs/in-use";
import { openersOf } from "@ring3/kernel/usbfs/openers";
import type { BusDevice, Permission } from "./bus.ts";
import type { Found } from "./kernel-bus.ts";
import { factsOf, grantTerms, identityOf, lostClaim, nameOf, USBFS } from "./usb-device.ts";

const SYSFS = "/sys";

export function usbInterfaces(log: Log): readonly Found[] {
  return readUsbDevices(SYSFS, (port, error) =>
    log.warn(`USB device ${port} left out: ${error.message}`),
  ).flatMap((info) =>
    info.interfaces.map(({ id, number, driver }) => ({
      id,
      plugging: pluggingOf(info),
      bound: driver !== undefined,
      describe: () => busDevice(id, info, number),
    })),
  );
}

/** The kernel counts device numbers up at each enumeration. */
const pluggingOf = (info: UsbDeviceInfo) => `${info.busNumber}/${info.deviceNumber}`;

/** Who may be the one: the kernel does not say whose claim it is. */
const programs = (node: string) =>
  openersOf([node])
    .map(({ pid, name }) => `process ${pid}, ${name}`)
    .join("; ");

function busDevice(id: string, info: UsbDeviceInfo, number: number): BusDevice {
  let mayTake = false;
  const kernelDriver = () => {
    const now = readUsbDevice(SYSFS, info.port);
    if (now instanceof DeviceError) return null;
    return now.interfaces.find((entry) => entry.number === number)?.driver ?? null;
  };
  const holders = () =>
    kernelDriver() === USBFS
      ? [{ node: usbfsNodePath(info), how: "claimed by a program", where: programs(usbfsNodePath(info)) }]
      : holdersOf(SYSFS, id);
  const withheld = () => kernelDriver() === USBFS || (kernelDriver() !== null && !mayTake);
  return {
    id,
    bus: "usb",
    transport: "usbfs",
    identity: identityOf(info),
    name: nameOf(info),
    facts: factsOf(info, number),
    kernelDriver,
    holders,
    allowTaking() {
      mayTake = true;
    },
    withheld,
    isShared: false,
    permissions: () => [permissionOf(info)],
    lostClaim: () => lostClaim(kernelDriver()),
    open: async () => {
      const [holder] = kernelDriver() === null ? [] : holders();
      if (holder !== undefined)
        throw new DeviceError("busy", `open ${id}: ${holder.node} is ${holder.how} ${holder.where}`.trim());
      const descriptor = openGrant(info, [number], { detach: mayTake });
      return { terms: grantTerms(info, number, "usbfs", 0), descriptor, taken: true };
    },
    get takeable() {
      return mayTake;
    },
    plugging: pluggingOf(info),
    giveBack: () => giveBack(info, number) ?? null,
  };
}

/** A whole device's, whatever of it ring3 drives: so is its node. */
function permissionOf(info: UsbDeviceInfo): Permission {
  const path = usbfsNodePath(info);
  const { vendor, product } = identityOf(info);
  return {
    path,
    held: !isDenied(path),
    rule: (group) =>
      `SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{idVendor}=="${vendor}", ATTR{idProduct}=="${product}", GROUP="${group}", MODE="0660"`,
  };
}
