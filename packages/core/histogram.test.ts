import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bucketEnd, bucketOf, HISTOGRAM_BUCKETS, percentile } from "./histogram.ts";

const time = fc.oneof(fc.nat(2000), fc.nat(0xffff_ffff));

test("a time is in a bucket that ends at or behind it, at most a quarter too late", () => {
  fc.assert(
    fc.property(time, (us) => {
      const end = bucketEnd(bucketOf(us));
      assert.ok(end >= us && end <= us * 1.25, `${us} in a bucket that ends at ${end}`);
    }),
  );
});

test("longer times are in later buckets, and all buckets are used", () => {
  const ends = Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => bucketEnd(bucket));
  assert.deepEqual(
    ends.map((us) => bucketOf(us)),
    ends.map((_, bucket) => bucket),
  );
  assert.deepEqual([ends.at(-1), bucketOf(2 ** 40), bucketOf(0.7)], [0xffff_ffff, HISTOGRAM_BUCKETS - 1, 0]);
});

test("a percentile is what sorting would give, as coarse as the buckets", () => {
  fc.assert(
    fc.property(
      fc.array(time, { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (times, share) => {
        const counts = new Array<number>(HISTOGRAM_BUCKETS).fill(0);
        for (const us of times) counts[bucketOf(us)]!++;
        const rank = Math.max(1, Math.ceil(times.length * share));
        const exact = times.toSorted((a, b) => a - b)[rank - 1]!;
        assert.equal(percentile(counts, share), bucketEnd(bucketOf(exact)));
      },
    ),
  );
});

test("of nothing there is no percentile", () => {
  assert.equal(percentile([0, 0], 0.5), undefined);
});
