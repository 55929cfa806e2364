// Runs in: manager. Owns: hosts that wait for a driver, so that a device that failed need not wait for a process to start.

import type { Clock } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";
import type { HostListeners, HostProcess, HostShape, SpareHost } from "./host-process.ts";

/** The next spare is started when the device that took the last one has had time to come up: they share the processors. */
const REFILL_MS = 200;
/** Kinds of hosts of which spares are kept: those that were asked for last. */
const SHAPES_MAX = 4;

export interface SparesParts {
  readonly clock: Clock;
  readonly log: Log;
  /** `rehearsed`: it has time for that. */
  readonly start: (shape: HostShape, rehearsed: boolean) => Promise<SpareHost>;
  /** How many wait, of each kind that is in use. */
  readonly count: number;
}

const keyOf = ({ memoryMb, cpuPercent, tier }: HostShape) => `${tier}/${memoryMb}/${cpuPercent}`;

export class Spares {
  readonly #parts: SparesParts;
  /** By kind, the one asked for last at the end. */
  readonly #waiting = new Map<string, SpareHost[]>();
  readonly #starting = new Set<Promise<void>>();
  #closed = false;

  constructor(parts: SparesParts) {
    this.#parts = parts;
  }

  /** A spare, or where none waits a new host. */
  async take(shape: HostShape, listeners: HostListeners): Promise<HostProcess> {
    const key = keyOf(shape);
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    this.#waiting.set(key, waiting);
    this.#forgetOldest();
    this.#parts.clock.after(REFILL_MS, () => this.#refill(shape));
    for (let spare = waiting.shift(); spare !== undefined; spare = waiting.shift())
      if (spare.free) return spare.adopt(listeners);
    return (await this.#parts.start(shape, false)).adopt(listeners);
  }

  /** No more are started, and those that wait are ended. Resolves once they are. */
  async close(): Promise<void> {
    this.#closed = true;
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const spare of waiting) spare.kill();
    await Promise.all([...this.#starting, ...waiting.map(({ fenced }) => fenced)]);
  }

  #refill(shape: HostShape): void {
    const waiting = this.#waiting.get(keyOf(shape));
    if (waiting === undefined || this.#closed) return;
    const free = waiting.filter((spare) => spare.free);
    waiting.splice(0, waiting.length, ...free);
    if (waiting.length >= this.#parts.count) return;
    const started = this.#start(shape, waiting);
    this.#starting.add(started);
    void started.then(() => this.#starting.delete(started));
  }

  async #start(shape: HostShape, waiting: SpareHost[]): Promise<void> {
    try {
      const spare = await this.#parts.start(shape, true);
      if (!this.#closed && this.#waiting.get(keyOf(shape)) === waiting) return void waiting.push(spare);
      spare.kill();
      await spare.fenced;
    } catch (error) {
      this.#parts.log.warn(`no spare host: ${(error as Error).message}`); // the next device starts one of its own, and says why it cannot
    }
  }

  #forgetOldest(): void {
    for (const [key, waiting] of this.#waiting) {
      if (this.#waiting.size <= SHAPES_MAX) return;
      for (const spare of waiting) spare.kill();
      this.#waiting.delete(key);
    }
  }
}
