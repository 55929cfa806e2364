// Runs in: reflector. Owns: where the payload of one NBD write arrives: the slots it was given, or private memory for a client that dawdles.
import type { Slot } from "@ring3/core/slot-port";

export class Landing {
  readonly #length: number;
  readonly #pieceBytes: number;
  readonly #release: (slot: Slot) => void;
  #slots: Slot[] | undefined;
  #private: Uint8Array | undefined;
  #arrived = 0;

  /** Owns `slots`, each of which takes `pieceBytes` of the payload. */
  constructor(slots: Slot[], length: number, pieceBytes: number, release: (slot: Slot) => void) {
    this.#slots = slots;
    this.#length = length;
    this.#pieceBytes = pieceBytes;
    this.#release = release;
  }

  get complete(): boolean {
    return this.#arrived === this.#length;
  }

  /** Bytes of private memory. */
  get spilled(): number {
    return this.#private?.length ?? 0;
  }

  /** Where the next bytes belong; not for keeping. */
  room(): Uint8Array {
    if (this.#slots === undefined) return this.#private!.subarray(this.#arrived);
    const index = Math.floor(this.#arrived / this.#pieceBytes);
    const begin = index * this.#pieceBytes;
    const piece = this.#slots[index]!.room(Math.min(this.#pieceBytes, this.#length - begin));
    return begin === this.#arrived ? piece : piece.subarray(this.#arrived - begin);
  }

  arrived(bytes: number): void {
    this.#arrived += bytes;
  }

  /** Gives the slots to others; what has arrived moves out of them. */
  spill(): void {
    if (this.#slots === undefined) return;
    const kept = new Uint8Array(this.#length);
    for (const [index, slot] of this.#slots.entries()) {
      const begin = index * this.#pieceBytes;
      if (begin < this.#arrived)
        kept.set(slot.room(Math.min(this.#pieceBytes, this.#arrived - begin)), begin);
    }
    this.#private = kept;
    this.drop();
  }

  /** Releases the slots. */
  drop(): void {
    for (const slot of this.#slots ?? []) this.#release(slot);
    this.#slots = undefined;
  }

  /** The slots, filled, now the caller's; undefined if they were given away: then `settle` into others. */
  takeSlots(): Slot[] | undefined {
    const slots = this.#slots;
    this.#slots = undefined;
    return slots;
  }

  /** Moves the payload from private memory into as many slots as it had before. */
  settle(slots: readonly Slot[]): void {
    for (const [index, slot] of slots.entries()) {
      const begin = index * this.#pieceBytes;
      const piece = this.#private!.subarray(begin, Math.min(begin + this.#pieceBytes, this.#length));
      slot.room(piece.length).set(piece);
    }
  }
}
