// Runs in: manager. Owns: nothing. What a HID device is to matching, listings and grants.

import type { Identity } from "@ring3/control/fields";
import type { HidrawGrant } from "@ring3/control/host-edge";
import type { HidFacts } from "@ring3/control/match";
import { parseReportDescriptor } from "@ring3/core/hid/descriptor";
import type { HidDeviceInfo } from "@ring3/kernel/hidraw/enumerate";
import { inhibitedFile } from "@ring3/kernel/hidraw/inhibit";
import { isDenied } from "@ring3/kernel/open/permission";
import type { Permission } from "./bus.ts";
import { hex4 } from "./usb-device.ts";

/** Of the place in an id; an address of Bluetooth's has 17. */
const PLACE_LENGTH = 48;

/**
 * "hid-0005:054c:0ce6-a0:b1:c2:d3:e4:f5". The kernel's own name ends with a number that is another each time, so what stands there instead is which device
 * it is (uniq), else where it is (phys). Both may be anything.
 */
export function hidId({ bustype, vendor, product, uniq, phys }: HidDeviceInfo): string {
  const place = (uniq ?? phys ?? "").replace(/[^A-Za-z0-9.:_-]/g, "-").slice(0, PLACE_LENGTH);
  const ids = `hid-${hex4(bustype)}:${hex4(vendor)}:${hex4(product)}`;
  return place === "" ? ids : `${ids}-${place}`;
}

export function identityOf({ vendor, product, uniq }: HidDeviceInfo): Identity {
  return { vendor: hex4(vendor), product: hex4(product), serial: uniq ?? null };
}

/** Throws DeviceError where the report descriptor is none. */
export function factsOf({ bustype, vendor, product, uniq, reportDescriptor }: HidDeviceInfo): HidFacts {
  const { collections } = parseReportDescriptor(reportDescriptor);
  const usages = collections.map(({ usagePage, usage }) => ((usagePage << 16) | usage) >>> 0);
  return { bus: "hid", bustype, vendor, product, serial: uniq ?? null, usages };
}

export function grantTerms(info: HidDeviceInfo): HidrawGrant {
  const { bustype, vendor, product, version, name, uniq, reportDescriptor } = info;
  return {
    surface: "hidraw",
    transport: "hidraw",
    bustype,
    vendor,
    product,
    version,
    name,
    serial: uniq ?? null,
    descriptor: Buffer.from(reportDescriptor).toString("base64"),
  };
}

/** Its node, and the file by which each input device that the kernel makes of it is silenced: that is root's, whoever has the node. */
export function permissionsOf({ kernelName, node, inputs }: HidDeviceInfo): Permission[] {
  const above = `KERNELS=="${kernelName.replace(/\.[^.]*$/, ".*")}"`;
  const nodes = node === undefined ? [] : [node];
  return [
    ...nodes.map((path) => ({
      path,
      held: !isDenied(path),
      rule: (group: string) => `SUBSYSTEM=="hidraw", ${above}, GROUP="${group}", MODE="0660"`,
    })),
    ...inputs.map(inhibitedFile).map((path) => ({
      path,
      held: !isDenied(path),
      rule: (group: string) =>
        `SUBSYSTEM=="input", KERNEL=="input[0-9]*", ${above}, RUN+="/bin/sh -c 'chgrp ${group} /sys%p/inhibited && chmod g+w /sys%p/inhibited'"`,
    })),
  ];
}
