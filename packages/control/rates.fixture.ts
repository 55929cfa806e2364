// Runs in: tests. Owns: what a device has done, as a manager tells it.
import { bucketOf, HISTOGRAM_BUCKETS } from "@ring3/core/histogram";
import type { DeviceMetrics } from "./metrics.ts";

export const latencies = (...times: number[]): number[] => {
  const counts = new Array<number>(HISTOGRAM_BUCKETS).fill(0);
  for (const us of times) counts[bucketOf(us)]!++;
  return counts;
};

export const device = (change: Partial<DeviceMetrics> = {}): DeviceMetrics => ({
  id: "usb-1-4:1.0",
  alias: null,
  driver: "usb-storage",
  state: "running",
  restarts: 0,
  requests: 0,
  failed: 0,
  bytesRead: 0,
  bytesWritten: 0,
  events: 0,
  latencies: latencies(),
  process: { pid: 7, cpuMs: 0, privateBytes: 12 << 20 },
  ...change,
});
