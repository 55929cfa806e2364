// Runs in: manager (writes) and CLI (reads). Owns: the shape of a crash report and where reports lie. The manager has made all text printable.
import { join } from "node:path";
import { printable } from "@ring3/core/log";
import * as v from "valibot";
import { className, count, failureKind, identity, incarnation, name, text } from "./fields.ts";

/** More than any line that a manager writes. */
const TEXT_MAX = 4096;

/** What the in-flight recorder had last, oldest first. */
const record = v.strictObject({
  /** Microseconds before the newest. */
  ageUs: count,
  kind: v.picklist(["request", "answer", "submit", "reap", "log", "turn"]),
  text,
});

/** The last moment that a Date has. */
const TIME_MAX = 8.64e15;

export const crashReport = v.strictObject({
  id: name,
  /** Milliseconds since 1970. */
  time: v.pipe(v.number(), v.minValue(0), v.maxValue(TIME_MAX)),
  device: v.strictObject({ id: name, name: text, identity }),
  driver: v.strictObject({ name, version: name, class: className }),
  sandbox: v.picklist(["standard", "strict", "none"]),
  incarnation,
  reason: v.strictObject({ kind: failureKind, text, outside: v.boolean() }),
  /** Where the driver threw, or stood when it hung; in terms of its sources where the bundle says them. */
  stack: v.array(text),
  /** By the driver's own recorder. */
  inFlight: v.array(v.strictObject({ operation: name, channel: count, slot: count, ageUs: count })),
  recorder: v.array(record),
  /** As last seen; null where it ended before it was looked at. */
  resources: v.nullable(v.strictObject({ aliveMs: v.number(), cpuMs: v.number(), privateBytes: v.number() })),
});
export type CrashReport = v.InferOutput<typeof crashReport>;

/** What a list shows of one. */
export const crashSummary = v.omit(crashReport, ["stack", "inFlight", "recorder", "resources"]);
export type CrashSummary = v.InferOutput<typeof crashSummary>;

export function crashDirectory(stateDirectory: string): string {
  return join(stateDirectory, "crashes");
}

/** Throws a ValiError or SyntaxError for anything that no manager wrote. All text is printable, whoever has written the file. */
export function parseCrashReport(json: string): CrashReport {
  const harmless = (_: string, value: unknown) =>
    typeof value === "string" ? printable(value, TEXT_MAX) : value;
  return v.parse(crashReport, JSON.parse(json, harmless));
}
