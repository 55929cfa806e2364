// Runs in: the simulation. Owns: simulated time, and what is to happen when. Pure.
import type { Process } from "./process.ts";

/** Something that happens to a process, or to the world where it is nobody's. */
export interface Happening {
  at: number;
  readonly order: number;
  readonly process: Process | undefined;
  readonly run: () => void;
  /** It will not happen any more. */
  off: boolean;
}

export class Schedule {
  now = 0;
  /** A binary heap by time, then by order of being scheduled. */
  readonly #heap: Happening[] = [];
  #count = 0;

  add(at: number, process: Process | undefined, run: () => void): Happening {
    const happening: Happening = { at, order: ++this.#count, process, run, off: false };
    this.#push(happening);
    return happening;
  }

  /** The next one, and the time is its time; it may be one that was held back until now. */
  take(): Happening | undefined {
    for (;;) {
      const next = this.#pop();
      if (next === undefined) return undefined;
      if (next.off) continue;
      this.now = Math.max(this.now, next.at);
      return next;
    }
  }

  /** What was taken and could not happen, happens now. */
  again(happening: Happening): void {
    happening.at = this.now;
    this.#push(happening);
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, happening)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = happening;
  }

  #pop(): Happening | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
