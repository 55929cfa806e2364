// Runs in: driver host. Owns: how a grant, terms and descriptor, becomes the device object that a driver sees.

import type { Recorder } from "@ring3/channel/recorder";
import type { DeviceGrant, HidrawGrant, UsbGrant } from "@ring3/control/host-edge";
import type { Clock } from "@ring3/core/clock";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { hidrawCalls } from "@ring3/kernel/hidraw/calls";
import { hidrawTransport } from "@ring3/kernel/hidraw/transport";
import { parseDescriptors } from "@ring3/kernel/usb/descriptors";
import type { UsbTransport } from "@ring3/kernel/usb/transport";
import { usbfsTransport } from "@ring3/kernel/usbfs/transport";
import { usbipTransport } from "@ring3/kernel/usbip/transport";
import type { Devices } from "@ring3/sdk";
import { createHidraw } from "@ring3/sdk/hid/hidraw";
import { recordedHidraw } from "@ring3/sdk/hid/recorded";
import { createUsbDevice } from "@ring3/sdk/usb/device";
import { recordedTransport } from "@ring3/sdk/usb/recorded";

export interface OpenedGrant {
  readonly devices: Devices;
  readonly transport: { readonly gone: Promise<void>; close(): Promise<void> };
}

export function openGrant(
  terms: DeviceGrant,
  descriptor: Descriptor,
  clock: Clock,
  recorder: Recorder,
): OpenedGrant {
  switch (terms.surface) {
    case "usb":
      return openUsb(terms, descriptor, clock, recorder);
    case "hidraw":
      return openHidraw(terms, descriptor, recorder);
  }
}

function openUsb(terms: UsbGrant, descriptor: Descriptor, clock: Clock, recorder: Recorder): OpenedGrant {
  const transport = recordedTransport(transportOf(terms, descriptor, clock), recorder);
  const { manufacturer, product, serial } = terms.strings;
  const usb = createUsbDevice({
    transport,
    clock,
    descriptors: parseDescriptors(Buffer.from(terms.descriptors, "base64")),
    strings: {
      manufacturer: manufacturer ?? undefined,
      product: product ?? undefined,
      serial: serial ?? undefined,
    },
    configurationValue: terms.configuration,
    interfaceNumber: terms.interface,
    claimed: [terms.interface],
  });
  return { devices: { usb }, transport };
}

function openHidraw(terms: HidrawGrant, descriptor: Descriptor, recorder: Recorder): OpenedGrant {
  const { bustype, vendor, product, version, name, serial } = terms;
  const transport = recordedHidraw(hidrawTransport(hidrawCalls(descriptor)), recorder);
  const hid = createHidraw(
    {
      bustype,
      vendorId: vendor,
      productId: product,
      productName: name,
      serialNumber: serial ?? undefined,
      version,
      reportDescriptor: new Uint8Array(Buffer.from(terms.descriptor, "base64")),
    },
    transport,
  );
  // The type has `usb` for the drivers that know no other bus: their manifests have no rule for this one.
  return { devices: { hid } as Partial<Devices> as Devices, transport };
}

function transportOf(terms: UsbGrant, descriptor: Descriptor, clock: Clock): UsbTransport {
  switch (terms.transport) {
    case "usbfs":
      return usbfsTransport(descriptor, [terms.interface]);
    case "usbip":
      return usbipTransport(descriptor, { devid: terms.devid, speed: terms.speed }, clock);
  }
}
