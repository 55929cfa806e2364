import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketEnd, bucketOf } from "@ring3/core/histogram";
import { device, latencies } from "./rates.fixture.ts";
import { ratesOf } from "./rates.ts";

test("rates are differences by the time between two looks", () => {
  const before = device({ requests: 10, bytesRead: 4096, latencies: latencies(5000) });
  const after = device({
    requests: 30,
    failed: 2,
    bytesRead: 12_288,
    events: 2000,
    latencies: latencies(5000, 100, 100, 900),
    process: { pid: 7, cpuMs: 500, privateBytes: 13 << 20 },
  });
  const [rates] = ratesOf({ nowMs: 1000, devices: [before] }, { nowMs: 3000, devices: [after] });
  assert.deepEqual(
    [rates!.requests, rates!.failed, rates!.bytesRead, rates!.bytesWritten, rates!.events, rates!.cpu],
    [10, 1, 4096, 0, 1000, 0.25],
  );
  assert.deepEqual([rates!.p50Us, rates!.p99Us], [bucketEnd(bucketOf(100)), bucketEnd(bucketOf(900))]);
});

test("a new device, one with smaller counts and one without a process have done nothing", () => {
  const after = device({ requests: 5, latencies: latencies(10), process: null });
  for (const devices of [
    [],
    [device({ requests: 9, latencies: latencies(10, 20, 20) })],
    [device({ events: 9 })],
  ]) {
    const [rates] = ratesOf({ nowMs: 0, devices }, { nowMs: 1000, devices: [after] });
    assert.deepEqual([rates!.requests, rates!.p50Us, rates!.cpu, rates!.privateBytes], [0, null, null, null]);
  }
});

test("a counter that came round goes on; of another process nobody knows what it has spent meanwhile", () => {
  const before = device({
    latencies: latencies().fill(2 ** 32 - 1, 3, 4),
    process: { pid: 7, cpuMs: 900, privateBytes: 1 },
  });
  const after = device({ latencies: latencies(3), process: { pid: 8, cpuMs: 1000, privateBytes: 1 } });
  const [rates] = ratesOf({ nowMs: 0, devices: [before] }, { nowMs: 1000, devices: [after] });
  assert.deepEqual([rates!.p50Us, rates!.cpu], [3, null]);
});
