// Runs in: driver host. Owns: the producing side of one channel's event ring.

import { added } from "@ring3/core/added";
import type { Contract } from "@ring3/core/contract";
import { EVENT, INLINE_WORD } from "./layout.ts";
import type { RingWriter } from "./ring.ts";

/** The event ring with its overflow policies: state is replaced by newer state, changes are added up, occurrences are dropped and counted. */
export class EventWriter {
  readonly #contract: Contract;
  readonly #ring: RingWriter;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  readonly #generation: number;
  /** For room. */
  readonly #waiting = new Map<string, unknown>();
  readonly #dropped = new Map<string, number>();

  constructor(contract: Contract, ring: RingWriter, words: Uint32Array, view: DataView, generation: number) {
    this.#contract = contract;
    this.#ring = ring;
    this.#words = words;
    this.#view = view;
    this.#generation = generation;
  }

  emit(name: string, data: unknown): void {
    const { overflow, data: fields } = this.#contract.events[name]!;
    if (overflow === "drop-and-count") {
      if (this.#ring.hasRoom()) this.#write(name, data);
      else this.#dropped.set(name, (this.#dropped.get(name) ?? 0) + 1);
      return;
    }
    const before = overflow === "add" ? this.#waiting.get(name) : undefined;
    this.#waiting.delete(name); // it comes where its last change does: what came between comes before it
    this.#waiting.set(name, before === undefined ? data : added(fields, before, data));
    this.retry();
  }

  /** Writes what waits where there is room; true when any was written. */
  retry(): boolean {
    const before = this.#waiting.size;
    for (const [name, data] of this.#waiting) {
      if (!this.#ring.hasRoom()) break;
      this.#waiting.delete(name);
      this.#write(name, data);
    }
    return this.#waiting.size < before;
  }

  publish(): void {
    this.#ring.publish();
  }

  #write(name: string, data: unknown): void {
    const spec = this.#contract.events[name]!;
    const at = this.#ring.next();
    spec.data?.encode(data, this.#view, (at + INLINE_WORD) * 4);
    this.#words[at + EVENT.generation] = this.#generation;
    this.#words[at + EVENT.event] = spec.nr;
    this.#words[at + EVENT.dropped] = this.#dropped.get(name) ?? 0;
    this.#ring.advance();
    this.#dropped.delete(name);
  }
}
