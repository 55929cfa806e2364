import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketOf, HISTOGRAM_BUCKETS } from "@ring3/core/histogram";
import fc from "fast-check";
import { METRICS_BYTES, MetricsWriter, readMetrics } from "./metrics.ts";

const OFFSET = 256;
const memory = () => new ArrayBuffer(OFFSET + METRICS_BYTES + 8);

test("what is written is read, and the next incarnation goes on with it", () => {
  const buffer = memory();
  new MetricsWriter(buffer, OFFSET).answered(0.25, false, 4096, 0);
  const next = new MetricsWriter(buffer, OFFSET);
  next.answered(3, true, 0, 512);
  next.told();
  const { latencies, ...counts } = readMetrics(buffer, OFFSET);
  assert.deepEqual(counts, { requests: 2, failed: 1, bytesRead: 4096, bytesWritten: 512, events: 1 });
  assert.deepEqual(
    latencies.flatMap((count, bucket) => (count === 0 ? [] : [[bucket, count]])),
    [
      [bucketOf(250), 1],
      [bucketOf(3000), 1],
    ],
  );
});

test("nothing beside its place is written", () => {
  const buffer = memory();
  const writer = new MetricsWriter(buffer, OFFSET);
  writer.answered(1e12, false, 1, 1);
  writer.told();
  const bytes = new Uint8Array(buffer);
  assert.ok(
    [...bytes.subarray(0, OFFSET), ...bytes.subarray(OFFSET + METRICS_BYTES)].every((byte) => byte === 0),
  );
});

test("whatever a driver has left there is read as whole numbers", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: METRICS_BYTES, maxLength: METRICS_BYTES }), (bytes) => {
      const { latencies, ...counts } = readMetrics(bytes.slice().buffer, 0);
      assert.equal(latencies.length, HISTOGRAM_BUCKETS);
      for (const value of [...Object.values(counts), ...latencies])
        assert.ok(Number.isSafeInteger(value) && value >= 0, String(value));
    }),
  );
});

test("what a driver has left there does not spoil the counts of the next", () => {
  const buffer = memory();
  new Float64Array(buffer, OFFSET, 5).set([
    Number.NaN,
    -5,
    Number.MAX_SAFE_INTEGER,
    Number.POSITIVE_INFINITY,
    2 ** 52,
  ]);
  const next = new MetricsWriter(buffer, OFFSET);
  next.answered(1, true, 7, 8);
  next.told();
  const { latencies, ...counts } = readMetrics(buffer, OFFSET);
  assert.deepEqual(counts, { requests: 1, failed: 1, bytesRead: 7, bytesWritten: 8, events: 1 });
});
