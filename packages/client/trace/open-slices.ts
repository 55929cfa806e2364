// Runs in: CLI and console. Owns: slices that have begun, by what their end is known by. Pure.
import type { Slice } from "./tracks.ts";

/** More than all of a device's clients can have under way; a hostile one may say more. */
const OPEN_MAX = 10_000;

/** A slice, and what goes with it. */
export interface Open {
  readonly slice: Slice;
}

export class OpenSlices<T extends Open> {
  readonly #open = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#open.get(key);
  }

  get full(): boolean {
    return this.#open.size >= OPEN_MAX;
  }

  /** Another one of that name was never ended, and is no more. */
  begin(key: string, open: T): T {
    this.#open.get(key)?.slice.end(open.slice.startUs);
    this.#open.set(key, open);
    return open;
  }

  /** Where none of that name is open it began before the trace did. */
  end(key: string, timeUs: number, outcome: string): void {
    const slice = this.#open.get(key)?.slice;
    if (slice === undefined) return;
    this.#open.delete(key);
    slice.args.outcome = outcome;
    slice.end(timeUs);
  }

  /** Ends those whose names begin so; `why` stands in each. */
  endAll(timeUs: number, why: string, prefix = ""): void {
    for (const [key, { slice }] of this.#open) {
      if (!key.startsWith(prefix)) continue;
      this.#open.delete(key);
      slice.args.outcome = why;
      slice.end(timeUs);
    }
  }
}
