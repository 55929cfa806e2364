// Runs in: CLI and console. Owns: nothing. What devices have done between two looks at their counts. Pure.

import { percentile } from "@ring3/core/histogram";
import type { DeviceMetrics, Metrics } from "./metrics.ts";

/** A line of `ring3 top --json`. */
export interface Rates {
  readonly id: string;
  readonly alias: string | null;
  readonly driver: string | null;
  readonly state: DeviceMetrics["state"];
  readonly restarts: number;
  /** A second. */
  readonly requests: number;
  readonly failed: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly events: number;
  /** From a request's arrival at the driver to its answer; null: there was none. */
  readonly p50Us: number | null;
  readonly p99Us: number | null;
  /** Of one processor, by the driver's process; null: it has none, or has another than before. */
  readonly cpu: number | null;
  readonly privateBytes: number | null;
}

/** Devices that were not there before have done nothing yet. */
export function ratesOf(before: Metrics, after: Metrics): Rates[] {
  const seconds = Math.max(0.001, (after.nowMs - before.nowMs) / 1000);
  const known = new Map(before.devices.map((device) => [device.id, device]));
  return after.devices.map((now) => {
    const was = known.get(now.id);
    // Fewer than before: another device is there, or its driver lies.
    return deviceRates(
      was === undefined || was.requests > now.requests || was.events > now.events ? now : was,
      now,
      seconds,
    );
  });
}

function deviceRates(was: DeviceMetrics, now: DeviceMetrics, seconds: number): Rates {
  const { id, alias, driver, state, restarts, process } = now;
  const rate = (name: "requests" | "failed" | "bytesRead" | "bytesWritten" | "events") =>
    Math.max(0, now[name] - was[name]) / seconds;
  const took = now.latencies.map((count, bucket) => (count - was.latencies[bucket]!) >>> 0);
  const sameProcess = process !== null && process.pid === was.process?.pid;
  return {
    id,
    alias,
    driver,
    state,
    restarts,
    requests: rate("requests"),
    failed: rate("failed"),
    bytesRead: rate("bytesRead"),
    bytesWritten: rate("bytesWritten"),
    events: rate("events"),
    p50Us: percentile(took, 0.5) ?? null,
    p99Us: percentile(took, 0.99) ?? null,
    cpu: sameProcess ? Math.max(0, process.cpuMs - was.process!.cpuMs) / 1000 / seconds : null,
    privateBytes: process?.privateBytes ?? null,
  };
}
