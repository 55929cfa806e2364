// Runs in: client and driver host. Owns: one side of one ring of 64-byte descriptors.

import { DESCRIPTOR_WORDS, type Ring } from "./layout.ts";

/** The peer broke the channel's rules. It is never answered; its channel ends. */
export class MalformedChannel extends Error {
  override name = "MalformedChannel";
}

/**
 * The producing side: entries and head lie in our own memory, the consumer's tail in the peer's. Head and tail count
 * up for ever (mod 2^32). Called by the memory's owner only.
 */
export class RingWriter {
  readonly #words: Uint32Array;
  readonly #headWord: number;
  readonly #ring: Ring;
  readonly #peer: Uint32Array;
  readonly #tailWord: number;
  #head = 0;
  /** The peer's tail when it was looked at last: looking takes its cache line away. */
  #tail = 0;

  constructor(own: Uint32Array, headWord: number, ring: Ring, peer: Uint32Array, tailWord: number) {
    this.#words = own;
    this.#headWord = headWord;
    this.#ring = ring;
    this.#peer = peer;
    this.#tailWord = tailWord;
  }

  /** Has the peer left fewer than so many entries unconsumed? Throws MalformedChannel where its tail lies outside the ring. */
  hasRoom(entries: number = this.#ring.size): boolean {
    return (this.#head - this.#tail) >>> 0 < entries || this.#look() < entries;
  }

  #look(): number {
    this.#tail = Atomics.load(this.#peer, this.#tailWord);
    const used = (this.#head - this.#tail) >>> 0;
    if (used > this.#ring.size)
      throw new MalformedChannel(`consumer index leaves ${used} entries in a ring of ${this.#ring.size}`);
    return used;
  }

  get size(): number {
    return this.#ring.size;
  }

  /** Word offset of the entry to fill next. The caller has made sure that it `hasRoom`. */
  next(): number {
    return this.#ring.entries + (this.#head & (this.#ring.size - 1)) * DESCRIPTOR_WORDS;
  }

  /** The entry is filled; an encoder that threw before leaves the ring as it was. */
  advance(): void {
    this.#head = (this.#head + 1) >>> 0;
  }

  /** Makes every entry filled so far visible to the peer; throws as `hasRoom` does, so that a tail that lies is found once a batch. */
  publish(): void {
    this.#look();
    Atomics.store(this.#words, this.#headWord, this.#head);
  }
}

/** The consuming side: entries and head lie in the peer's memory (mapped read-only), the tail in ours. */
export class RingReader {
  readonly #peer: Uint32Array;
  readonly #headWord: number;
  readonly #ring: Ring;
  readonly #words: Uint32Array;
  readonly #tailWord: number;
  #tail = 0;

  constructor(peer: Uint32Array, headWord: number, ring: Ring, own: Uint32Array, tailWord: number) {
    this.#peer = peer;
    this.#headWord = headWord;
    this.#ring = ring;
    this.#words = own;
    this.#tailWord = tailWord;
  }

  /** How many entries wait; throws MalformedChannel where the peer's head lies outside the ring. */
  waiting(): number {
    const waiting = (Atomics.load(this.#peer, this.#headWord) - this.#tail) >>> 0;
    if (waiting > this.#ring.size)
      throw new MalformedChannel(`producer index claims ${waiting} entries in a ring of ${this.#ring.size}`);
    return waiting;
  }

  /** Copies the oldest waiting entry out of shared memory: what is checked afterwards can no longer change. */
  take(into: Uint32Array): void {
    const offset = this.#ring.entries + (this.#tail & (this.#ring.size - 1)) * DESCRIPTOR_WORDS;
    for (let word = 0; word < DESCRIPTOR_WORDS; word++) into[word] = this.#peer[offset + word]!;
    this.#tail = (this.#tail + 1) >>> 0;
  }

  /** Gives the consumed entries back to the producer. */
  release(): void {
    Atomics.store(this.#words, this.#tailWord, this.#tail);
  }
}
