// Runs in: driver host (writes) and manager (reads). Owns: the layout of what a driver has done for its clients, in the device's memory: counts
// since the device was plugged in, over all incarnations.

import { bucketOf, HISTOGRAM_BUCKETS } from "@ring3/core/histogram";

/** Each a double: whole numbers up to 2⁵³ without a carry, written by one process. */
const counters = ["requests", "failed", "bytesRead", "bytesWritten", "events"] as const;
const [REQUESTS, FAILED, BYTES_READ, BYTES_WRITTEN, EVENTS] = [0, 1, 2, 3, 4] as const;
/** Whoever goes on counting from below it does not come to where doubles end to count. */
const ROOM = 2 ** 52;
export const METRICS_BYTES = counters.length * 8 + HISTOGRAM_BUCKETS * 4;

export interface Metrics extends Readonly<Record<(typeof counters)[number], number>> {
  /** Of requests, by the time from their arrival at the driver to its answer (core/histogram). Each counts round at 2³². */
  readonly latencies: readonly number[];
}

export class MetricsWriter {
  readonly #counters: Float64Array;
  readonly #latencies: Uint32Array;

  /** Goes on with what is there, where that can be. */
  constructor(buffer: ArrayBuffer, offset: number) {
    this.#counters = new Float64Array(buffer, offset, counters.length);
    this.#counters.set(this.#counters.map((value) => (wholeOr0(value) < ROOM ? wholeOr0(value) : 0)));
    this.#latencies = new Uint32Array(buffer, offset + this.#counters.byteLength, HISTOGRAM_BUCKETS);
  }

  /** A request was answered, after so many milliseconds. */
  answered(ms: number, failed: boolean, bytesRead: number, bytesWritten: number): void {
    this.#counters[REQUESTS]!++;
    if (failed) this.#counters[FAILED]!++;
    this.#counters[BYTES_READ]! += bytesRead;
    this.#counters[BYTES_WRITTEN]! += bytesWritten;
    this.#latencies[bucketOf(ms * 1000)]!++;
  }

  /** The driver has told an event, however many hear of it. */
  told(): void {
    this.#counters[EVENTS]!++;
  }
}

/** Believes nothing: whatever is there, each is a whole number that JSON can carry. */
export function readMetrics(buffer: ArrayBuffer, offset: number): Metrics {
  const bytes = buffer.slice(offset, offset + METRICS_BYTES); // copied once, then looked at
  const [requests, failed, bytesRead, bytesWritten, events] = Array.from(
    new Float64Array(bytes, 0, counters.length),
    wholeOr0,
  ) as [number, number, number, number, number];
  const latencies = [...new Uint32Array(bytes, counters.length * 8, HISTOGRAM_BUCKETS)];
  return { requests, failed, bytesRead, bytesWritten, events, latencies };
}

const wholeOr0 = (value: number): number => (Number.isSafeInteger(value) && value >= 0 ? value : 0);
