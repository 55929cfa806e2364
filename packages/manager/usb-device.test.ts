// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { UsbDeviceInfo } from "@ring3/kernel/usb/device-info";
import { factsOf } from "./usb-device.ts";

function info(...alternates: { number: number; alternate: number; class: number }[]): UsbDeviceInfo {
  const interfaces = alternates.map((entry) => ({ ...entry, subclass: 6, protocol: 0x50 }));
  return {
    port: "1-4",
    configurationValue: 1,
    strings: { serial: undefined },
    descriptors: {
      device: { vendorId: 1, productId: 2, deviceClass: 0 },
      configurations: [{ value: 1, interfaces }],
    },
  } as unknown as UsbDeviceInfo;
}

test("an interface is what its alternate setting 0 says", () => {
  const both = info({ number: 0, alternate: 1, class: 1 }, { number: 0, alternate: 0, class: 8 });
  assert.equal(factsOf(both, 0).interfaceClass, 8);
});

test("without a setting 0 it is what the first one says", () => {
  const odd = info({ number: 1, alternate: 0, class: 3 }, { number: 0, alternate: 2, class: 8 });
  assert.equal(factsOf(odd, 0).interfaceClass, 8);
});

test("an interface without any descriptor is a device's mistake", () => {
  assert.throws(() => factsOf(info(), 0), { kind: "protocol", message: /1-4.*interface 0/ });
});
