// Runs in: the usb-drive sim. Owns: nothing; the drive's USB descriptors, and garbage in their place.
// Source: USB 2.0 §9.6; USB 3.2 §9.6 (BOS, endpoint companion); USB MSC Bulk-Only Transport 1.0 §4.
import type { GarbageStyle } from "./faults.ts";

export const BULK_IN = 0x81;
export const BULK_OUT = 0x02;
export const CONFIGURATION_VALUE = 1;
export const INTERFACE_NUMBER = 0;
export const VENDOR_ID = 0x1209; // pid.codes, which sets product 0001h aside for tests
export const PRODUCT_ID = 0x0001;
export const DEVICE_VERSION = 0x0100;
export const MASS_STORAGE = { class: 0x08, subclass: 0x06 /* SCSI */, protocol: 0x50 /* Bulk-Only */ };
export const packetBytes = { high: 512, super: 1024 } as const; // USB 2.0 §5.8.3, USB 3.2 §4.4.6.1
export type Speed = keyof typeof packetBytes;

const type = {
  device: 1,
  configuration: 2,
  string: 3,
  qualifier: 6,
  otherSpeed: 7,
  bos: 15,
} as const;

const LANGUAGE_EN_US = 0x0409;
const BUS_POWERED = 0x80; // bit 7 is reserved and set
const FULL_SPEED_PACKET = 64;

export interface Identity {
  readonly speed: Speed;
  readonly vendor: string;
  readonly product: string;
  readonly serial: string;
}

/** `undefined`: there is no such descriptor and the request is stalled. */
export function descriptor(
  identity: Identity,
  value: number,
  language: number,
  garbage?: GarbageStyle,
): Uint8Array | undefined {
  const found = genuine(identity, value >> 8, value & 0xff, language);
  return found === undefined || garbage === undefined ? found : garbled(found, garbage);
}

function genuine(identity: Identity, kind: number, index: number, language: number): Uint8Array | undefined {
  const high = identity.speed === "high";
  if (kind === type.string) return string(identity, index, language);
  if (index !== 0) return undefined;
  switch (kind) {
    case type.device:
      return device(identity.speed);
    case type.configuration:
      return configuration(type.configuration, identity.speed, packetBytes[identity.speed]);
    case type.qualifier: // how a high-speed device would look at full speed, USB 2.0 §9.6.2
      return high ? Uint8Array.of(10, type.qualifier, 0x00, 0x02, 0, 0, 0, 64, 1, 0) : undefined;
    case type.otherSpeed:
      return high ? configuration(type.otherSpeed, "high", FULL_SPEED_PACKET) : undefined;
    case type.bos:
      return high ? undefined : bos();
    default:
      return undefined;
  }
}

function device(speed: Speed): Uint8Array {
  const version = speed === "high" ? 0x0200 : 0x0320;
  const packet0 = speed === "high" ? 64 : 9; // SuperSpeed gives the exponent
  return Uint8Array.of(
    ...[18, type.device],
    ...word(version),
    ...[0, 0, 0, packet0],
    ...word(VENDOR_ID),
    ...word(PRODUCT_ID),
    ...word(DEVICE_VERSION),
    ...[1, 2, 3, 1], // strings: manufacturer, product, serial; one configuration
  );
}

function configuration(kind: number, speed: Speed, packet: number): Uint8Array {
  const companion = speed === "super" ? [6, 0x30, 15, 0, 0, 0] : []; // bursts of 16 packets
  const endpoint = (address: number) => [7, 5, address, 2 /* bulk */, ...word(packet), 0, ...companion];
  const { class: interfaceClass, subclass, protocol } = MASS_STORAGE;
  const body = [
    ...[9, 4, INTERFACE_NUMBER, 0, 2, interfaceClass, subclass, protocol, 0],
    ...endpoint(BULK_IN),
    ...endpoint(BULK_OUT),
  ];
  const power = speed === "super" ? 112 : 250; // 896 mA in 8 mA units, 500 mA in 2 mA units
  return Uint8Array.of(
    ...[9, kind],
    ...word(9 + body.length),
    ...[1, CONFIGURATION_VALUE, 0, BUS_POWERED, power],
    ...body,
  );
}

/** USB 2.0 extension (LPM) and SuperSpeed capability, USB 3.2 §9.6.2. */
function bos(): Uint8Array {
  const extension = [7, 0x10, 0x02, 0x02, 0, 0, 0];
  const superSpeed = [10, 0x10, 0x03, 0, ...word(0x000e), 1, 10, ...word(0x07ff)]; // full, high and super speed
  const body = [...extension, ...superSpeed];
  return Uint8Array.of(5, type.bos, ...word(5 + body.length), 2, ...body);
}

function string(identity: Identity, index: number, language: number): Uint8Array | undefined {
  if (index === 0) return Uint8Array.of(4, type.string, ...word(LANGUAGE_EN_US));
  const text = [identity.vendor, identity.product, identity.serial][index - 1];
  if (text === undefined || language !== LANGUAGE_EN_US) return undefined;
  const units = Buffer.from(text.slice(0, 126), "utf16le"); // bLength is one byte
  return Uint8Array.of(2 + units.length, type.string, ...units);
}

/** Wrong in a way that is the same each time. The device descriptor keeps its ids, so that the drive is still found. */
function garbled(bytes: Uint8Array, style: GarbageStyle): Uint8Array {
  if (bytes[1] === type.device && style !== "noise") return bytes;
  switch (style) {
    case "zero-length":
      return bytes.map((byte, i) => (i === 9 || (i === 0 && bytes.length < 10) ? 0 : byte));
    case "truncated":
      return bytes.subarray(0, Math.ceil(bytes.length / 2));
    case "endless": // a total of 65535 and one descriptor that claims 255 bytes
      return bytes.map((byte, i) => (i === 2 || i === 3 || i === 9 ? 0xff : byte));
    case "noise": {
      let state = 0x2545f491;
      return bytes.map(() => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state >>> 24;
      });
    }
  }
}

function word(value: number): [number, number] {
  return [value & 0xff, value >> 8];
}
