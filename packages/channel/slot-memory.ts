// Runs in: client and driver host. Owns: the slots' bytes in one of a channel's memories, as far as they were touched.

import type { Mapping } from "@ring3/kernel/shm/memory";

export class SlotMemory {
  readonly #mapping: Mapping;
  readonly #dataOffset: number;
  readonly #slotBytes: number;
  readonly #slots: (ArrayBuffer | undefined)[] = [];

  constructor(mapping: Mapping, dataOffset: number, slotBytes: number) {
    this.#mapping = mapping;
    this.#dataOffset = dataOffset;
    this.#slotBytes = slotBytes;
  }

  /** The first `length` bytes of a slot. */
  bytes(tag: number, length: number): Uint8Array {
    this.#slots[tag] ??= this.#mapping.part(this.#dataOffset + tag * this.#slotBytes, this.#slotBytes);
    return new Uint8Array(this.#slots[tag], 0, length);
  }
}
