// Runs in: driver host, sdk/test. Owns: the parsed descriptors of a device in WebUSB's shape, and which alternate settings are in use.
import type { ConfigurationDescriptor, InterfaceDescriptor } from "@ring3/kernel/usb/configuration";
import type { UsbAlternateInterface, UsbConfiguration, UsbInterface } from "./types.ts";

const DIRECTION_IN = 0x80; // bEndpointAddress bit 7, USB 2.0 table 9-13

export interface MutableInterface extends UsbInterface {
  alternate: UsbAlternateInterface;
  claimed: boolean;
}

export interface MutableConfiguration extends UsbConfiguration {
  readonly interfaces: readonly MutableInterface[];
}

export function configurationOf(descriptor: ConfigurationDescriptor): MutableConfiguration {
  const alternatesOf = Map.groupBy(descriptor.interfaces, ({ number }) => number);
  return {
    configurationValue: descriptor.value,
    interfaces: [...alternatesOf].map(([interfaceNumber, descriptors]) => {
      const alternates = descriptors.map(alternateOf);
      // Setting 0 is in use until another is selected (USB 2.0 §9.2.3).
      const alternate = alternates.find(({ alternateSetting }) => alternateSetting === 0) ?? alternates[0]!;
      return { interfaceNumber, alternate, alternates, claimed: false };
    }),
  };
}

function alternateOf(descriptor: InterfaceDescriptor): UsbAlternateInterface {
  return {
    alternateSetting: descriptor.alternate,
    interfaceClass: descriptor.class,
    interfaceSubclass: descriptor.subclass,
    interfaceProtocol: descriptor.protocol,
    endpoints: descriptor.endpoints.map((endpoint) => ({
      endpointNumber: endpoint.address & 0x0f,
      direction: (endpoint.address & DIRECTION_IN) === 0 ? "out" : "in",
      type: endpoint.type,
      packetSize: endpoint.maxPacketSize,
      interval: endpoint.interval,
    })),
    extra: descriptor.extra,
  };
}
