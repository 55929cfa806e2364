// Runs in: manager, driver host. Owns: nothing. Pure: string descriptors (USB 2.0 §9.6.7), read as hostile input.
import { printable } from "@ring3/core/log";
import { descriptorLength, HEADER_BYTES, refuse, STRING, u16 } from "./descriptor-fields.ts";

export const MAX_STRING_BYTES = 255; // bLength is one byte

/** The languages of string descriptor 0, in the device's order. */
export function parseLanguages(bytes: Uint8Array): number[] {
  const end = stringEnd(bytes);
  return Array.from({ length: (end - HEADER_BYTES) >> 1 }, (_, index) =>
    u16(bytes, HEADER_BYTES + index * 2),
  );
}

/** The text of a string descriptor as one harmless line. Half surrogates become U+FFFD. */
export function parseString(bytes: Uint8Array): string {
  const text = bytes.subarray(HEADER_BYTES, stringEnd(bytes));
  return printable(new TextDecoder("utf-16le").decode(text)).trim();
}

function stringEnd(bytes: Uint8Array): number {
  const length = descriptorLength(bytes, 0, bytes.length);
  if (bytes[1] !== STRING) refuse(1, "string descriptor: bDescriptorType", `${STRING}`, `${bytes[1]}`);
  if (length % 2 !== 0) refuse(0, "string descriptor: bLength", "an even number", `${length}`);
  return length;
}
