// Runs in: driver host, sdk/test. Owns: the check of what a driver gave against the struct it is to be sent as.
import type { Struct } from "@ring3/core/struct";

let scratch = new DataView(new ArrayBuffer(256));

/** What is wrong with `value` as a `struct`; undefined when it can be encoded. */
export function misfit(struct: Struct<unknown>, value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `expected an object, found ${kindOf(value)}`;
  if (scratch.byteLength < struct.size) scratch = new DataView(new ArrayBuffer(struct.size));
  try {
    struct.encode(value, scratch, 0);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export const kindOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
