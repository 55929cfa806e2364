// Runs in: driver host. Owns: the producing side of one channel's event ring.

import type { Contract } from "@ring3/core/contract";
import { EVENT, INLINE_WORD } from "./layout.ts";
import type { RingWriter } from "./ring.ts";

/** The event ring with its overflow policies: state is replaced by newer state, occurrences are dropped and counted. */
export class EventWriter {
  readonly #contract: Contract;
  readonly #ring: RingWriter;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  readonly #generation: number;
  readonly #latest = new Map<string, unknown>();
  readonly #dropped = new Map<string, number>();

  constructor(contract: Contract, ring: RingWriter, words: Uint32Array, view: DataView, generation: number) {
    this.#contract = contract;
    this.#ring = ring;
    this.#words = words;
    this.#view = view;
    this.#generation = generation;
  }

  emit(name: string, data: unknown): void {
    if (this.#contract.events[name]!.overflow === "latest") {
      this.#latest.set(name, data);
      this.retry();
    } else if (this.#ring.hasRoom()) this.#write(name, data);
    else this.#dropped.set(name, (this.#dropped.get(name) ?? 0) + 1);
  }

  /** Writes waiting state where there is room; true when any was written. */
  retry(): boolean {
    const before = this.#latest.size;
    for (const [name, data] of this.#latest) {
      if (!this.#ring.hasRoom()) break;
      this.#latest.delete(name);
      this.#write(name, data);
    }
    return this.#latest.size < before;
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
