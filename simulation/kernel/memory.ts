// Runs in: the simulation. Owns: the bytes of simulated shared memory, lent by a stock that outlives each machine.
import { OpenFile, READABLE, WRITABLE } from "./file.ts";

/** No request of the simulation touches more of a slot than its first so many bytes. */
const TOUCHED_BYTES = 8192;
/** Larger parts are slots: what a process writes there after its end tells nobody anything. */
const CONTROL_BYTES = 262_144;

/** Slots are a megabyte each: making them anew for each channel would be most of the work. */
export class MemoryStock {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #lent: ArrayBuffer[] = [];

  take(length: number): ArrayBuffer {
    const buffer = this.#free.get(length)?.pop() ?? new ArrayBuffer(length);
    if (length > CONTROL_BYTES) this.#lent.push(buffer);
    return buffer;
  }

  /** The machine is gone, and everybody who has seen its memory. */
  reclaim(): void {
    for (const buffer of this.#lent.splice(0)) {
      new Uint8Array(buffer, 0, TOUCHED_BYTES).fill(0);
      const free = this.#free.get(buffer.byteLength) ?? [];
      this.#free.set(buffer.byteLength, free);
      free.push(buffer);
    }
  }
}

/** A memfd. */
export class Memory extends OpenFile {
  readonly kind = "memory";
  readonly name: string;
  readonly #stock: MemoryStock;
  size = 0;
  seals = 0;
  /** What was written by write(2). */
  content = new Uint8Array(0);
  readonly #parts = new Map<string, ArrayBuffer>();

  constructor(name: string, stock: MemoryStock) {
    super();
    this.name = name;
    this.#stock = stock;
  }

  ready(): number {
    return READABLE | WRITABLE;
  }

  /** Whoever asks for the same part gets the same bytes; a part that overlaps with another of a different place is not simulated. */
  part(offset: number, length: number): ArrayBuffer {
    const key = `${offset}/${length}`;
    let part = this.#parts.get(key);
    if (part === undefined) {
      for (const other of this.#parts.keys()) {
        const [from, size] = other.split("/").map(Number) as [number, number];
        if (from < offset + length && offset < from + size)
          throw new Error(`memory ${this.name}: part ${key} overlaps with ${other}, which is not simulated`);
      }
      part = this.#stock.take(length);
      this.#parts.set(key, part);
    }
    return part;
  }

  /** The parts that hold rings and counters. */
  get control(): ArrayBuffer[] {
    return [...this.#parts.values()].filter(({ byteLength }) => byteLength <= CONTROL_BYTES);
  }

  append(bytes: Uint8Array): void {
    const grown = new Uint8Array(this.content.length + bytes.length);
    grown.set(this.content);
    grown.set(bytes, this.content.length);
    this.content = grown;
    this.size = grown.length;
  }
}
