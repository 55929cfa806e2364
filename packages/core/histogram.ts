// Runs in: every process. Owns: nothing. How long things took, in constant memory: counts in buckets that grow with what they hold. Pure.

/** Buckets an octave: what is read back is at most a quarter too much. */
const PARTS_BITS = 2;
const PARTS = 1 << PARTS_BITS;
/** Of whole microseconds up to 2³² − 1, more than an hour. */
export const HISTOGRAM_BUCKETS = PARTS + (32 - PARTS_BITS) * PARTS;

/** The bucket of a time in microseconds; what is longer than the last one has room for is in the last. */
export function bucketOf(us: number): number {
  const whole = us >= 0xffff_ffff ? 0xffff_ffff : us >>> 0;
  if (whole < PARTS) return whole;
  const octave = 31 - Math.clz32(whole);
  return (octave - PARTS_BITS + 1) * PARTS + ((whole >>> (octave - PARTS_BITS)) & (PARTS - 1));
}

/** The longest time in a bucket, in microseconds. */
export function bucketEnd(bucket: number): number {
  if (bucket < PARTS) return bucket;
  const shift = Math.floor(bucket / PARTS) - 1;
  return (PARTS + (bucket % PARTS) + 1) * 2 ** shift - 1;
}

/** The time that `share` (0 to 1) of all that was counted did not pass, in microseconds; undefined where nothing was. */
export function percentile(counts: readonly number[], share: number): number | undefined {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return undefined;
  let left = Math.max(1, Math.ceil(all * share));
  const bucket = counts.findIndex((count) => {
    left -= count;
    return left <= 0;
  });
  return bucketEnd(bucket);
}
