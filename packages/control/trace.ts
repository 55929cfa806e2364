// Runs in: manager (answers) and whoever traces. Owns: the shape of what the manager knows of a traced device and no recorder holds.
import * as v from "valibot";
import { channel, className, count, name, pid, text } from "./fields.ts";
import { deviceState } from "./status.ts";

/** A client of the device's, as this manager counts them. */
const client = count;

/** What has happened, in its order. */
const traceNews = v.variant("kind", [
  v.strictObject({
    kind: v.literal("state"),
    /** Microseconds of CLOCK_MONOTONIC. */
    timeUs: count,
    state: deviceState,
    reason: text,
    /** 0 before its first driver. */
    incarnation: count,
    /** Of that driver's process, once it is known. */
    hostPid: v.nullable(pid),
  }),
  /** The next descriptor of the answer is the memory in which it records (channel/client-recorder). */
  v.strictObject({
    kind: v.literal("client"),
    client,
    name,
    pid: v.nullable(pid),
    /** The class that it reflects; null: an application. */
    reflector: v.nullable(className),
  }),
  /** It has ended, or its connection. */
  v.strictObject({ kind: v.literal("left"), client, timeUs: count }),
  /** A client's channel, and what the driver's recorder calls it. */
  v.strictObject({ kind: v.literal("channel"), client, channel, hostChannel: channel }),
]);
export type TraceNews = v.InferOutput<typeof traceNews>;

/** Clients that one answer tells of. */
export const TRACE_CLIENTS_MAX = 8;

export const trace = v.strictObject({
  device: name,
  /**
   * Present where this begins: the first answer, or the first of a manager that took another's place, or about another device in that place. The
   * news tell how things stand then, and the first descriptor is the device's memory, read-only.
   */
  begins: v.nullable(
    v.strictObject({ driver: name, operations: v.array(v.strictObject({ nr: count, name })) }),
  ),
  news: v.array(traceNews),
  /** News that nobody has asked for in time. */
  lost: count,
});
export type Trace = v.InferOutput<typeof trace>;
