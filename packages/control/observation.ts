// Runs in: manager (tells) and whoever observes. Owns: the shapes of what a device has gone through, and of what its driver has in hand.
import { steps } from "@ring3/core/steps";
import * as v from "valibot";
import { count, name, pid, text } from "./fields.ts";
import { deviceState } from "./status.ts";

/** One state of a device's life. */
export const passage = v.strictObject({
  device: name,
  /** Milliseconds since 1970. */
  timeMs: v.pipe(v.number(), v.minValue(0)),
  state: deviceState,
  reason: text,
  /** 0 before its first driver. */
  incarnation: count,
  /** No process of an incarnation before can touch the device any more. */
  fenced: v.boolean(),
  /** Of the driver's process, once it is known. */
  hostPid: v.nullable(pid),
});
export type Passage = v.InferOutput<typeof passage>;

/** One step of the way from a driver's end, or from a first start, to the next driver. */
export const step = v.strictObject({
  device: name,
  /** Milliseconds since 1970. */
  timeMs: v.pipe(v.number(), v.minValue(0)),
  /** Milliseconds since the `failed`, `ended` or `asked` before it, by a clock that nobody sets. */
  sinceMs: v.pipe(v.number(), v.minValue(0)),
  /** Which driver's it is. */
  incarnation: count,
  step: v.picklist(steps),
  detail: text,
  /** How many were replayed, by that client's own count; null with all other steps. */
  requests: v.nullable(count),
});
export type Step = v.InferOutput<typeof step>;

/** A request that a driver has and has not answered, by what it records itself. */
export const requestInFlight = v.strictObject({
  operation: name,
  client: text,
  ageMs: v.pipe(v.number(), v.minValue(0)),
  /** To be written, or the most that is to be read. */
  bytes: count,
});
export type RequestInFlight = v.InferOutput<typeof requestInFlight>;

/** Those of a device, the oldest first; of so many at most. */
export const IN_FLIGHT_MAX = 32;
export const inFlight = v.strictObject({
  device: name,
  requests: v.pipe(v.array(requestInFlight), v.maxLength(IN_FLIGHT_MAX)),
});
export type InFlight = v.InferOutput<typeof inFlight>;
