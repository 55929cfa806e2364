// Runs in: manager (answers) and whoever asks. Owns: the shape of what is told of a device's work, for `ring3 top`.
import { HISTOGRAM_BUCKETS } from "@ring3/core/histogram";
import * as v from "valibot";
import { count, name, pid } from "./fields.ts";
import { deviceState } from "./status.ts";

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const duration = v.pipe(v.number(), v.minValue(0));

/** All counts since the device was plugged in, over all incarnations. A driver counts for itself, and may lie. */
export const deviceMetrics = v.strictObject({
  id: name,
  alias: v.nullable(name),
  driver: v.nullable(name),
  state: deviceState,
  restarts: count,
  requests: whole,
  failed: whole,
  bytesRead: whole,
  bytesWritten: whole,
  /** Told by the driver, however many clients hear of it. */
  events: whole,
  /**
   * Requests by the time from their arrival at the driver to its answer: buckets of core/histogram, each counting round at 2³². By the host's clock, for
   * which a process that stood still for more than 1.5 s has not (core/clock, runningClock).
   */
  latencies: v.pipe(v.array(whole), v.length(HISTOGRAM_BUCKETS)),
  /** Of the driver's process now; null: there is none that serves. */
  process: v.nullable(v.strictObject({ pid, cpuMs: duration, privateBytes: whole })),
});

export const metrics = v.strictObject({
  /** The manager's clock, in milliseconds: only differences mean anything. */
  nowMs: duration,
  devices: v.array(deviceMetrics),
});

export type DeviceMetrics = v.InferOutput<typeof deviceMetrics>;
export type Metrics = v.InferOutput<typeof metrics>;
