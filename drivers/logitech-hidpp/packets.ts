// Runs in: driver host, jailed. Owns: nothing. Pure: how HID++ is packed: Linux's drivers/hid/hid-logitech-hidpp.c (struct fap, HIDPP_ERROR,
// HIDPP20_ERROR_*) and libratbag's src/hidpp20.c, both after Logitech's own drafts of HID++ 1.0 and 2.0.

export const SHORT_ID = 0x10;
export const LONG_ID = 0x11;
// Without the id.
export const SHORT_BYTES = 6;
export const LONG_BYTES = 19;

/** The device itself; lower ones are those that a receiver has paired. */
const ITSELF = 0xff;
/** As some on Bluetooth call themselves (Solaar, lib/logitech_receiver/base.py, request). */
const ITSELF_TOO = 0;
/** Whose answer it is; 0 is the device's own, for events. */
const SOFTWARE = 1;
// In the place of a feature's index.
const ERROR_10 = 0x8f;
const ERROR_20 = 0xff;

export const ROOT = 0;
export const rootFunctions = { feature: 0, ping: 1 } as const;
/** HIDPP20_ERROR_*, the first is 1. */
const errors = [
  ...["unknown", "invalid argument", "out of range", "hardware error", "not allowed"],
  ...["no such feature", "no such function", "busy", "unsupported"],
];
const BUSY = 8;

export const errorText = (code: number): string => errors[code - 1] ?? "which no document names";

/** What is asked of a feature; `index`: that which the root feature knows it by. */
export interface Question {
  readonly index: number;
  readonly fn: number;
  readonly parameters: readonly number[];
}

export type Answer =
  | { readonly kind: "done"; readonly parameters: Uint8Array }
  | { readonly kind: "busy" }
  | { readonly kind: "refused"; readonly code: number }
  /** It speaks HID++ 1.0, to which features are unknown. */
  | { readonly kind: "old" };

const functionByte = (fn: number): number => (fn << 4) | SOFTWARE;

/** An output report without its id, as long as `bytes`. */
export function question({ index, fn, parameters }: Question, bytes: number): Uint8Array<ArrayBuffer> {
  const report = new Uint8Array(bytes);
  report.set([ITSELF, index, functionByte(fn), ...parameters]);
  return report;
}

/** What an input report says if it answers that; `bytes`: without its id. */
export function answer(reportId: number, bytes: Uint8Array, asked: Question): Answer | undefined {
  if (!isWhole(reportId, bytes)) return undefined;
  const [, index, second, third, code = 0] = bytes;
  const isMine = (index: number | undefined, fn: number | undefined): boolean =>
    index === asked.index && fn === functionByte(asked.fn);
  if (isMine(index, second)) return { kind: "done", parameters: bytes.slice(3) };
  if (!isMine(second, third)) return undefined;
  if (index === ERROR_10) return { kind: "old" };
  if (index === ERROR_20) return code === BUSY ? { kind: "busy" } : { kind: "refused", code };
  return undefined;
}

/** What it says unasked: the event's parameters, and which feature's. */
export function unasked(
  reportId: number,
  bytes: Uint8Array,
): { readonly index: number; readonly event: number; readonly parameters: Uint8Array } | undefined {
  if (!isWhole(reportId, bytes) || (bytes[2]! & 0x0f) !== 0) return undefined;
  return { index: bytes[1]!, event: bytes[2]! >> 4, parameters: bytes.slice(3) };
}

function isWhole(reportId: number, bytes: Uint8Array): boolean {
  const enough = reportId === LONG_ID ? LONG_BYTES : reportId === SHORT_ID ? SHORT_BYTES : Infinity;
  return bytes.length >= enough && (bytes[0] === ITSELF || bytes[0] === ITSELF_TOO);
}

export const high = (number: number): number => (number >> 8) & 0xff;
export const low = (number: number): number => number & 0xff;
export const bigEndian = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
