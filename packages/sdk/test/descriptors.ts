// Runs in: tests. Owns: descriptors for devices that exist only in a test.
import type { EndpointDescriptor, InterfaceDescriptor } from "@ring3/kernel/usb/configuration";
import type { UsbDescriptors } from "@ring3/kernel/usb/descriptors";

const NONE = new Uint8Array(0);

/** `address` with direction bit 7. */
export function endpoint(
  address: number,
  type: EndpointDescriptor["type"],
  maxPacketSize = 512,
): EndpointDescriptor {
  const attributes = { control: 0, isochronous: 1, bulk: 2, interrupt: 3 }[type]; // USB 2.0 table 9-13
  return {
    address,
    type,
    attributes,
    maxPacketSize,
    transactions: 1,
    interval: 1,
    companion: undefined,
    extra: NONE,
  };
}

/** `extra`: class descriptors behind the interface's own. */
export function usbInterface(
  kind: { number?: number; alternate?: number; class: number; subclass: number; protocol: number },
  endpoints: readonly EndpointDescriptor[],
  extra: Uint8Array = NONE,
): InterfaceDescriptor {
  return { number: 0, alternate: 0, ...kind, endpoints, extra };
}

/** A USB 2 device with one configuration, number 1. */
export function usbDescriptors(
  interfaces: readonly InterfaceDescriptor[],
  device: Partial<UsbDescriptors["device"]> = {},
): UsbDescriptors {
  return {
    bytes: NONE,
    device: {
      usbVersion: 0x0200,
      deviceClass: 0,
      deviceSubclass: 0,
      deviceProtocol: 0,
      maxPacketSize0: 64,
      vendorId: 0x1209,
      productId: 0x0001,
      deviceVersion: 0x0100,
      manufacturerString: 0,
      productString: 0,
      serialString: 0,
      configurationCount: 1,
      ...device,
    },
    configurations: [{ value: 1, attributes: 0x80, maxPower: 50, associations: [], interfaces, extra: NONE }],
  };
}
