// Runs in: manager, make setup. Owns: nothing. The files of a bundled driver's folder beside its manifest, and the form of its code cache. Pure.
import { createHash } from "node:crypto";

export const DRIVER_CODE = "driver.cjs";
/** What V8 has made of the code: a host that has no time to compile takes it from there. A driver without one only starts slower. */
export const DRIVER_CACHE = "driver.cache";

const TAG_BYTES = 32;

/** V8 compares no more than the length of a source: whose cache it is stands before it. */
const tagOf = (code: Uint8Array): Uint8Array => createHash("sha256").update(code).digest();

export function encodeDriverCache(code: Uint8Array, made: Uint8Array): Uint8Array {
  return Buffer.concat([tagOf(code), made]);
}

/** undefined: it was made of other code. */
export function decodeDriverCache(code: Uint8Array, file: Uint8Array): Uint8Array | undefined {
  const tag = Buffer.from(file.subarray(0, TAG_BYTES));
  return tag.equals(tagOf(code)) ? file.subarray(TAG_BYTES) : undefined;
}
