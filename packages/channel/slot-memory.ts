// Runs in: client and driver host. Owns: the slots' bytes in one of a channel's memories, as far as they were touched.

import type { Mapping } from "@ring3/kernel/shm/memory";

/** Bytes: a page. */
const SMALLEST_PART = 4096;

export class SlotMemory {
  readonly #mapping: Mapping;
  readonly #dataOffset: number;
  readonly #slotBytes: number;
  /** As each slot was asked for last. What they lie in grows with what was wanted: V8 collects garbage for all that could be looked at. */
  readonly #views: (Uint8Array<ArrayBuffer> | undefined)[] = [];

  constructor(mapping: Mapping, dataOffset: number, slotBytes: number) {
    this.#mapping = mapping;
    this.#dataOffset = dataOffset;
    this.#slotBytes = slotBytes;
  }

  /** The first `length` bytes of a slot. */
  bytes(tag: number, length: number): Uint8Array {
    const before = this.#views[tag];
    if (before?.length === length) return before;
    const part =
      before !== undefined && before.buffer.byteLength >= length
        ? before.buffer
        : this.#mapping.part(this.#dataOffset + tag * this.#slotBytes, this.#partBytes(length));
    const view = new Uint8Array(part, 0, length);
    this.#views[tag] = view;
    return view;
  }

  #partBytes(length: number): number {
    let bytes = SMALLEST_PART;
    while (bytes < length) bytes *= 2;
    return Math.min(bytes, this.#slotBytes);
  }
}
