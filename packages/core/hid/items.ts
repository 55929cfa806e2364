// Runs in: everywhere. Owns: nothing. Pure: the items of a HID report descriptor, read as the hostile input they are.
import { DeviceError } from "../errors.ts";
import { DESCRIPTOR_BYTES_MAX } from "./limits.ts";

// bType, HID 1.11 §6.2.2.2; 3 is reserved.
export const MAIN = 0;
export const GLOBAL = 1;
export const LOCAL = 2;

const LONG_ITEM = 0xfe; // §6.2.2.3
const LONG_ITEM_HEADER_BYTES = 3; // prefix, bDataSize, bLongItemTag
const dataBytes = [0, 1, 2, 4]; // by bSize

export interface Item {
  /** Of its prefix. */
  readonly offset: number;
  readonly type: number;
  readonly tag: number;
  /** Of data: 0, 1, 2 or 4. */
  readonly bytes: number;
  /** The data; 0 where there is none. */
  readonly unsigned: number;
  /** The data as a two's complement of its own width. */
  readonly signed: number;
}

/** Throws: every violation names its offset, what was expected and what was found. */
export function refuse(offset: number, field: string, expected: string, found: string | number): never {
  throw new DeviceError(
    "protocol",
    `HID report descriptor, offset ${offset}: ${field}: expected ${expected}, found ${found}`,
  );
}

/** All short items. Long ones are skipped: none has been defined (§6.2.2.3). */
export function readItems(descriptor: Uint8Array): Item[] {
  const { length } = descriptor;
  if (length === 0 || length > DESCRIPTOR_BYTES_MAX)
    refuse(0, "length", `1 to ${DESCRIPTOR_BYTES_MAX} bytes`, length);
  const items: Item[] = [];
  for (let at = 0; at < length; ) {
    const prefix = descriptor[at]!;
    const isLong = prefix === LONG_ITEM;
    const header = isLong ? LONG_ITEM_HEADER_BYTES : 1;
    const bytes = isLong ? (descriptor[at + 1] ?? 0) : dataBytes[prefix & 3]!;
    if (at + header + bytes > length)
      refuse(at, "item", `${header + bytes} bytes`, `${length - at} until the end`);
    if (!isLong) items.push(shortItem(descriptor, at, prefix, bytes));
    at += header + bytes;
  }
  return items;
}

function shortItem(descriptor: Uint8Array, offset: number, prefix: number, bytes: number): Item {
  let bits = 0;
  for (let index = 0; index < bytes; index++) bits |= descriptor[offset + 1 + index]! << (8 * index);
  const unused = 32 - 8 * bytes;
  return {
    offset,
    type: (prefix >> 2) & 3,
    tag: prefix >> 4,
    bytes,
    unsigned: bits >>> 0,
    signed: bytes === 0 ? 0 : (bits << unused) >> unused,
  };
}
