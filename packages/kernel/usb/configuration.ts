// Runs in: manager, driver host. Owns: nothing. Pure: one configuration with its interfaces and endpoints, read as hostile input.
import {
  CONFIGURATION,
  DEVICE,
  descriptorLength,
  ENDPOINT,
  ENDPOINT_COMPANION,
  INTERFACE,
  INTERFACE_ASSOCIATION,
  need,
  refuse,
  u16,
} from "./descriptor-fields.ts";

export const CONFIGURATION_BYTES = 9; // USB 2.0 table 9-10
const INTERFACE_BYTES = 9; // USB 2.0 table 9-12
const ENDPOINT_BYTES = 7; // USB 2.0 table 9-13
const ASSOCIATION_BYTES = 8; // USB 3.2 table 9-16
const COMPANION_BYTES = 6; // USB 3.2 table 9-26

const MAX_INTERFACES = 32; // USB_MAXINTERFACES (linux/usb.h); also the width of the mask that narrows a usbfs grant

export interface ConfigurationDescriptor {
  readonly value: number;
  readonly attributes: number;
  /** bMaxPower as sent: units of 2 mA, at SuperSpeed 8 mA (USB 3.2 §9.6.3). */
  readonly maxPower: number;
  readonly associations: readonly InterfaceAssociation[];
  /** Every alternate setting of every interface, in the order of the descriptors. */
  readonly interfaces: readonly InterfaceDescriptor[];
  /** Descriptors of unknown type before the first interface. */
  readonly extra: Uint8Array;
}

/** The interfaces from `first` on that are one function together. */
export interface InterfaceAssociation {
  readonly first: number;
  readonly count: number;
  readonly class: number;
  readonly subclass: number;
  readonly protocol: number;
}

export interface InterfaceDescriptor {
  readonly number: number;
  readonly alternate: number;
  readonly class: number;
  readonly subclass: number;
  readonly protocol: number;
  readonly endpoints: readonly EndpointDescriptor[];
  /** Descriptors of unknown type between the interface and its first endpoint: class descriptors, mostly. */
  readonly extra: Uint8Array;
}

export type EndpointType = "control" | "isochronous" | "bulk" | "interrupt";
const endpointTypes: readonly EndpointType[] = ["control", "isochronous", "bulk", "interrupt"]; // bmAttributes bits 1..0

export interface EndpointDescriptor {
  /** bEndpointAddress, direction bit 7 included. */
  readonly address: number;
  readonly type: EndpointType;
  readonly attributes: number;
  /** Bytes of one packet: wMaxPacketSize bits 10..0. */
  readonly maxPacketSize: number;
  /** Packets in one microframe: 1 + wMaxPacketSize bits 12..11. */
  readonly transactions: number;
  readonly interval: number;
  readonly companion: EndpointCompanion | undefined;
  /** Descriptors of unknown type behind the endpoint. */
  readonly extra: Uint8Array;
}

export interface EndpointCompanion {
  readonly maxBurst: number;
  readonly attributes: number;
  readonly bytesPerInterval: number;
}

// While a configuration is read, `extra` is a list of pieces: they are joined once, so that the work stays linear.
type Growing<T> = { -readonly [K in keyof T]: K extends "extra" ? Uint8Array[] : T[K] };
type GrowingEndpoint = Growing<EndpointDescriptor>;
type GrowingInterface = Omit<Growing<InterfaceDescriptor>, "endpoints"> & {
  endpoints: GrowingEndpoint[];
  offset: number;
  endpointCount: number;
};

/** wTotalLength of the configuration at `offset`, refused when the bytes for it are not there. */
export function configurationLength(bytes: Uint8Array, offset: number): number {
  need(bytes, offset, bytes.length, CONFIGURATION, CONFIGURATION_BYTES, "configuration descriptor");
  const total = u16(bytes, offset + 2);
  if (total < bytes[offset]!) refuse(offset + 2, "wTotalLength", `at least ${bytes[offset]}`, `${total}`);
  const left = bytes.length - offset;
  if (total > left) refuse(offset + 2, "wTotalLength", `at most the ${left} bytes there are`, `${total}`);
  return total;
}

/** One configuration that fills the bytes from `offset` to `end`. Throws DeviceError "protocol". */
export function parseConfiguration(
  bytes: Uint8Array,
  offset = 0,
  end = offset + configurationLength(bytes, offset),
): ConfigurationDescriptor {
  const interfaceCount = bytes[offset + 4]!;
  if (interfaceCount > MAX_INTERFACES) {
    refuse(offset + 4, "bNumInterfaces", `at most ${MAX_INTERFACES}`, `${interfaceCount}`);
  }
  const value = bytes[offset + 5]!;
  if (value === 0) refuse(offset + 5, "bConfigurationValue", "1 to 255", "0, which means not configured");

  const associations: InterfaceAssociation[] = [];
  const interfaces: GrowingInterface[] = [];
  const settings = new Set<number>();
  const extra: Uint8Array[] = [];
  let at = offset + bytes[offset]!;
  while (at < end) {
    const length = descriptorLength(bytes, at, end);
    const type = bytes[at + 1]!;
    const current = interfaces.at(-1);
    if (type === DEVICE || type === CONFIGURATION) {
      refuse(at + 1, "bDescriptorType", "one that belongs into a configuration", `${type}`);
    } else if (type === INTERFACE_ASSOCIATION) {
      associations.push(parseAssociation(bytes, at, end));
    } else if (type === INTERFACE) {
      if (current !== undefined) checkEndpointCount(current);
      const next = parseInterface(bytes, at, end);
      const setting = (next.number << 8) | next.alternate;
      if (settings.has(setting)) {
        const found = `number ${next.number} alternate ${next.alternate} again`;
        refuse(at + 2, "interface", "each setting once", found);
      }
      settings.add(setting);
      interfaces.push(next);
    } else if (type === ENDPOINT) {
      if (current === undefined) refuse(at, "endpoint", "an interface before it", "none");
      addEndpoint(current, parseEndpoint(bytes, at, end), at);
    } else if (type === ENDPOINT_COMPANION) {
      const endpoint = current?.endpoints.at(-1);
      if (endpoint === undefined) refuse(at, "endpoint companion", "an endpoint before it", "none");
      endpoint.companion = parseCompanion(bytes, at, end);
    } else {
      const into = current?.endpoints.at(-1)?.extra ?? current?.extra ?? extra;
      into.push(bytes.subarray(at, at + length));
    }
    at += length;
  }
  const last = interfaces.at(-1);
  if (last !== undefined) checkEndpointCount(last);
  const found = new Set(interfaces.map(({ number }) => number)).size;
  if (found !== interfaceCount) {
    refuse(offset + 4, "bNumInterfaces", `${found}, for as many follow`, `${interfaceCount}`);
  }
  return {
    value,
    attributes: bytes[offset + 7]!,
    maxPower: bytes[offset + 8]!,
    associations,
    interfaces: interfaces.map(settled),
    extra: join(extra),
  };
}

function settled({ offset: _, endpointCount: __, ...growing }: GrowingInterface): InterfaceDescriptor {
  const endpoints = growing.endpoints.map((endpoint) => ({ ...endpoint, extra: join(endpoint.extra) }));
  return { ...growing, endpoints, extra: join(growing.extra) };
}

function parseAssociation(bytes: Uint8Array, at: number, end: number): InterfaceAssociation {
  need(bytes, at, end, INTERFACE_ASSOCIATION, ASSOCIATION_BYTES, "interface association");
  return {
    first: bytes[at + 2]!,
    count: bytes[at + 3]!,
    class: bytes[at + 4]!,
    subclass: bytes[at + 5]!,
    protocol: bytes[at + 6]!,
  };
}

function parseInterface(bytes: Uint8Array, at: number, end: number): GrowingInterface {
  need(bytes, at, end, INTERFACE, INTERFACE_BYTES, "interface descriptor");
  const number = bytes[at + 2]!;
  if (number >= MAX_INTERFACES) {
    refuse(at + 2, "bInterfaceNumber", `at most ${MAX_INTERFACES - 1}`, `${number}`);
  }
  return {
    offset: at,
    number,
    alternate: bytes[at + 3]!,
    endpointCount: bytes[at + 4]!,
    class: bytes[at + 5]!,
    subclass: bytes[at + 6]!,
    protocol: bytes[at + 7]!,
    endpoints: [],
    extra: [],
  };
}

function parseEndpoint(bytes: Uint8Array, at: number, end: number): GrowingEndpoint {
  need(bytes, at, end, ENDPOINT, ENDPOINT_BYTES, "endpoint descriptor");
  const address = bytes[at + 2]!;
  if ((address & 0x70) !== 0 || (address & 0x0f) === 0) {
    refuse(at + 2, "bEndpointAddress", "endpoint 1 to 15 with bits 6..4 zero", hex(address));
  }
  const packet = u16(bytes, at + 4);
  return {
    address,
    type: endpointTypes[bytes[at + 3]! & 3]!,
    attributes: bytes[at + 3]!,
    maxPacketSize: packet & 0x7ff,
    transactions: 1 + ((packet >> 11) & 3),
    interval: bytes[at + 6]!,
    companion: undefined,
    extra: [],
  };
}

function parseCompanion(bytes: Uint8Array, at: number, end: number): EndpointCompanion {
  need(bytes, at, end, ENDPOINT_COMPANION, COMPANION_BYTES, "endpoint companion");
  return { maxBurst: bytes[at + 2]!, attributes: bytes[at + 3]!, bytesPerInterval: u16(bytes, at + 4) };
}

function addEndpoint(current: GrowingInterface, endpoint: GrowingEndpoint, at: number): void {
  if (current.endpoints.length === current.endpointCount) {
    const expected = `the ${current.endpointCount} that interface ${current.number} promises`;
    refuse(at, "endpoints", expected, "one more");
  }
  if (current.endpoints.some(({ address }) => address === endpoint.address)) {
    refuse(at + 2, "bEndpointAddress", "each endpoint of a setting once", `${hex(endpoint.address)} again`);
  }
  current.endpoints.push(endpoint);
}

function checkEndpointCount({ offset, endpointCount, endpoints }: GrowingInterface): void {
  if (endpoints.length !== endpointCount) {
    refuse(offset + 4, "bNumEndpoints", `${endpoints.length}, for as many follow`, `${endpointCount}`);
  }
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

const hex = (value: number) => `0x${value.toString(16).padStart(2, "0")}`;
