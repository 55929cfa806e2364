// Runs in: manager, driver host. Owns: nothing. Pure: how one descriptor's bytes are read and refused.
import { DeviceError } from "@ring3/core/errors";

// Descriptor types: USB 2.0 table 9-5; 11 and 48 from USB 3.2 table 9-6.
export const DEVICE = 1;
export const CONFIGURATION = 2;
export const STRING = 3;
export const INTERFACE = 4;
export const ENDPOINT = 5;
export const INTERFACE_ASSOCIATION = 11;
export const ENDPOINT_COMPANION = 48;

export const HEADER_BYTES = 2; // bLength, bDescriptorType: USB 2.0 §9.5

/** Throws: every violation names its offset, what was expected and what was found. */
export function refuse(offset: number, field: string, expected: string, found: string): never {
  throw new DeviceError(
    "protocol",
    `USB descriptors, offset ${offset}: ${field}: expected ${expected}, found ${found}`,
  );
}

/** bLength of the descriptor at `at`, which must lie before `end` as a whole. */
export function descriptorLength(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < HEADER_BYTES) refuse(at, "descriptor", `${HEADER_BYTES} bytes of header`, `${end - at}`);
  const length = bytes[at]!;
  if (length < HEADER_BYTES) refuse(at, "bLength", `at least ${HEADER_BYTES}`, `${length}`);
  if (length > end - at) refuse(at, "bLength", `at most the ${end - at} bytes there are`, `${length}`);
  return length;
}

/** A descriptor of this type with at least its standard length; a longer one is allowed (USB 2.0 §9.5). */
export function need(
  bytes: Uint8Array,
  at: number,
  end: number,
  type: number,
  size: number,
  name: string,
): void {
  if (end - at < size) refuse(at, name, `${size} bytes`, `${Math.max(0, end - at)}`);
  const length = descriptorLength(bytes, at, end);
  if (bytes[at + 1] !== type) refuse(at + 1, `${name}: bDescriptorType`, `${type}`, `${bytes[at + 1]}`);
  if (length < size) refuse(at, `${name}: bLength`, `at least ${size}`, `${length}`);
}

export function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}
