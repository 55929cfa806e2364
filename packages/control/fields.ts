// Runs in: every process. Owns: nothing. The schemas that several edges share.
import { deviceErrorKinds } from "@ring3/core/errors";
import { FIELD_NAME_MAX, FIELDS_MAX, PRINTABLE_MAX } from "@ring3/core/log";
import * as v from "valibot";
import { durationForm, parseDuration } from "./duration.ts";

/** No single text on a control connection needs more; what is longer is an attack or a mistake. */
export const text = v.pipe(v.string(), v.maxLength(65536));
/** An id, a name or an alias. */
export const name = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
/** A path as the kernel limits it (PATH_MAX, linux/limits.h). */
export const path = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(4096),
  v.regex(/^[^\0]*$/, "a path without a zero byte"),
);
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const pid = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
/** Milliseconds, of what people write. */
export const duration = v.pipe(
  v.string(durationForm),
  v.check((text) => parseDuration(text) !== undefined, durationForm),
  v.transform((text) => parseDuration(text)!),
);
/** A uid or gid; -1 as u32 means "leave alone" to the kernel and is never a user's. */
export const userId = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(0xfffffffe));
/** Chosen by the side that opens a channel, and never used again on that connection. */
export const channel = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
/** The count of a device's driver starts. */
export const incarnation = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
export const className = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,31}$/, "a class name"));
export const errorKind = v.picklist(deviceErrorKinds);
export const nothing = v.strictObject({});

/** What both sides compare before a channel is opened; name and version are for the message about a mismatch. */
export const contractId = v.strictObject({
  name,
  version: count,
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/, "16 hex digits")),
});
export type ContractId = v.InferOutput<typeof contractId>;

/** What is fixed at probe, keyed as in the contract's `properties` struct; a 64-bit field is a number up to 2^53 - 1. */
export const properties = v.record(name, v.union([v.number(), v.array(v.number())]));
export type Properties = v.InferOutput<typeof properties>;

/** What a device is, wherever it is plugged in. Ids as four hex digits, as lsusb prints them. */
export const identity = v.strictObject({ vendor: name, product: name, serial: v.nullable(text) });
export type Identity = v.InferOutput<typeof identity>;

export function identityText({ vendor, product, serial }: Identity): string {
  return serial === null ? `${vendor}:${product}` : `${vendor}:${product} ${serial}`;
}

export const access = v.picklist(["read", "write"]);
export type Access = v.InferOutput<typeof access>;

/** What core/log makes of a line before it leaves a process. */
const logText = v.pipe(v.string(), v.maxLength(PRINTABLE_MAX));
const logFields = v.pipe(
  v.record(v.pipe(v.string(), v.maxLength(FIELD_NAME_MAX)), v.union([logText, v.number(), v.boolean()])),
  v.maxEntries(FIELDS_MAX),
);
const logLevel = v.picklist(["debug", "info", "warn", "error"]);
/** A line that a host reports; the manager adds time and source itself, so that neither can be forged. */
export const logLine = v.strictObject({
  level: logLevel,
  message: logText,
  fields: v.exactOptional(logFields),
});
/** An entry of the event log, as core/log has it. */
export const logEntry = v.strictObject({
  time: v.number(),
  level: logLevel,
  source: text,
  message: logText,
  fields: v.exactOptional(logFields),
});

/** Why a client or the manager holds that a driver fails; the kinds are core/lifecycle's. */
export const failureKinds = [
  "crash",
  "exit",
  "signal",
  "probe",
  "heartbeat",
  "deadline",
  "malformed",
  "memory",
  "grant",
] as const;
export const failureKind = v.picklist(failureKinds);

/** Of a mapping file. Escaped in a frame or a record it is twice as long at most, but for control characters, which nobody maps. */
export const MAPPING_CHARACTERS_MAX = 262_144;
export const mappingText = v.pipe(v.string(), v.maxLength(MAPPING_CHARACTERS_MAX));

/** Kept for a reflector and read by nobody else. */
export const reflectorsWords = v.pipe(v.string(), v.maxLength(65_536));
