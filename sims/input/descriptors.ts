// Runs in: a sim of an input device. Owns: nothing; a device's descriptors as bytes, and what follows from them.
// Source: USB 2.0 §9.6.
import type { DeviceRecord, speedCodes, UsbClass } from "../usbip/codec.ts";

const type = { device: 1, configuration: 2, string: 3, interface: 4, endpoint: 5, qualifier: 6 } as const;
const LANGUAGE_EN_US = 0x0409;
export const HID_CLASS = 3; // HID 1.11 §4.1

export interface Descriptors {
  readonly speed: keyof typeof speedCodes;
  readonly device: Uint8Array;
  /** The only configuration, with all that belongs to it. */
  readonly configuration: Uint8Array;
  /** Number 1 and those behind it. */
  readonly strings: readonly string[];
}

export interface Endpoint {
  readonly address: number;
  readonly interfaceNumber: number;
  readonly packetBytes: number;
}

/** What a configuration is made of. */
export interface Outline {
  readonly value: number;
  /** The first setting of each interface. */
  readonly interfaces: readonly UsbClass[];
  /** How many settings each has. */
  readonly settings: readonly number[];
  readonly endpoints: readonly Endpoint[];
}

/** Bytes as a dump shows them. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replace(/\s/g, ""), "hex"));
}

/** Each descriptor of a configuration, in its order. */
export function* pieces(configuration: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < configuration.length; at += configuration[at]!)
    yield configuration.subarray(at, at + configuration[at]!);
}

export function outline(configuration: Uint8Array): Outline {
  const interfaces: UsbClass[] = [];
  const settings: number[] = [];
  const endpoints: Endpoint[] = [];
  let interfaceNumber = 0;
  for (const piece of pieces(configuration)) {
    if (piece[1] === type.interface) {
      const setting = piece[3]!;
      interfaceNumber = piece[2]!;
      settings[interfaceNumber] = setting + 1;
      if (setting === 0) interfaces.push({ class: piece[5]!, subclass: piece[6]!, protocol: piece[7]! });
    } else if (piece[1] === type.endpoint) {
      const packetBytes = piece[4]! | ((piece[5]! & 0x07) << 8);
      endpoints.push({ address: piece[2]!, interfaceNumber, packetBytes });
    }
  }
  return { value: configuration[5]!, interfaces, settings, endpoints };
}

/** `undefined`: there is no such descriptor. */
export function descriptor(of: Descriptors, value: number, language: number): Uint8Array | undefined {
  const [kind, index] = [value >> 8, value & 0xff];
  if (kind === type.string) return string(of.strings, index, language);
  if (index !== 0) return undefined;
  switch (kind) {
    case type.device:
      return of.device;
    case type.configuration:
      return of.configuration;
    case type.qualifier: // a high-speed device at full speed, USB 2.0 §9.6.2: bcdUSB to bMaxPacketSize0, configurations
      return of.speed === "high" ? Uint8Array.of(10, kind, ...of.device.subarray(2, 8), 1, 0) : undefined;
    default:
      return undefined;
  }
}

function string(strings: readonly string[], index: number, language: number): Uint8Array | undefined {
  if (strings.length === 0) return undefined;
  if (index === 0) return Uint8Array.of(4, type.string, LANGUAGE_EN_US & 0xff, LANGUAGE_EN_US >> 8);
  const text = strings[index - 1];
  if (text === undefined || language !== LANGUAGE_EN_US) return undefined;
  const units = Buffer.from(text, "utf16le");
  return Uint8Array.of(2 + units.length, type.string, ...units);
}

/** What USB/IP tells of the device. */
export function recordOf(of: Descriptors, path: string, busid: string): DeviceRecord {
  const device = Buffer.from(of.device);
  const { value, interfaces } = outline(of.configuration);
  return {
    path,
    busid,
    busNumber: 1,
    deviceNumber: 2,
    speed: of.speed,
    vendorId: device.readUInt16LE(8),
    productId: device.readUInt16LE(10),
    deviceVersion: device.readUInt16LE(12),
    configurationValue: value,
    deviceClass: { class: device[4]!, subclass: device[5]!, protocol: device[6]! },
    interfaces,
  };
}

/** Wrong in a way that is the same each time: what stands behind the first `from` bytes is noise. */
export function noise(genuine: Uint8Array, from = 0): Uint8Array {
  let state = 0x2545f491;
  return genuine.map((byte, at) => {
    if (at < from) return byte;
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}
