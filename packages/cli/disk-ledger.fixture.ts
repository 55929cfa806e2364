// Runs in: tests. Owns: a range of a disk, and the memory of what every block of it must hold.
import assert from "node:assert/strict";

/** A disk as some client has it; offsets and lengths in bytes. */
export interface Disk {
  read(offset: number, length: number): Promise<Uint8Array>;
  write(offset: number, bytes: Uint8Array): Promise<unknown>;
}

export const BLOCK_BYTES = 4096;
const EXTENT_BLOCKS_MAX = 64;

/** A block that says where it belongs and which writing it is of, in every one of its sectors. Version 0: never written. */
function fillBlock(into: Uint32Array, block: number, version: number): void {
  for (let word = 0; word < into.length; word++)
    into[word] = version === 0 ? 0 : Math.imul(version, 0x9e3779b1) ^ (block * into.length + word);
}

export function blocksOf(first: number, versions: ArrayLike<number>): Buffer {
  const bytes = Buffer.alloc(versions.length * BLOCK_BYTES);
  for (let index = 0; index < versions.length; index++) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + index * BLOCK_BYTES, BLOCK_BYTES / 4);
    fillBlock(words, first + index, versions[index]!);
  }
  return bytes;
}

export class DiskLedger {
  readonly #disk: Disk;
  readonly #offset: number;
  readonly #versions: Uint32Array;
  readonly #busy: Uint8Array;
  readonly #random: () => number;
  #progressed = Promise.withResolvers<void>();
  writes = 0;
  reads = 0;

  /** `offset` in bytes; the range is taken to hold zeroes. */
  constructor(disk: Disk, offset: number, blocks: number, random: () => number) {
    this.#disk = disk;
    this.#offset = offset;
    this.#versions = new Uint32Array(blocks);
    this.#busy = new Uint8Array(blocks);
    this.#random = random;
  }

  /** Reads and writes at random, `depth` requests at a time, until told to stop. Throws for a failed request and for a wrong byte. */
  async run(stop: () => boolean, depth: number): Promise<void> {
    const work = async () => {
      while (!stop()) await this.#step();
    };
    await Promise.all(Array.from({ length: depth }, work));
  }

  async #step(): Promise<void> {
    const [first, count] = this.#takeExtent();
    const versions = this.#versions.subarray(first, first + count);
    const at = this.#offset + first * BLOCK_BYTES;
    if (this.#random() < 0.3) {
      const bytes = await this.#disk.read(at, count * BLOCK_BYTES);
      assert.ok(blocksOf(first, versions).equals(bytes), `${count} blocks read from ${first}`);
      this.reads++;
    } else {
      const version = ++this.writes;
      await this.#disk.write(at, blocksOf(first, new Uint32Array(count).fill(version)));
      versions.fill(version);
    }
    this.#busy.fill(0, first, first + count);
    this.#progressed.resolve();
    this.#progressed = Promise.withResolvers();
  }

  /** Resolves once another request is done. */
  progress(): Promise<void> {
    return this.#progressed.promise;
  }

  /** Blocks that no other request of ours touches meanwhile: what they hold is certain then. */
  #takeExtent(): [number, number] {
    for (;;) {
      const first = Math.floor(this.#random() * this.#versions.length);
      const most = Math.min(EXTENT_BLOCKS_MAX, this.#versions.length - first);
      const count = 1 + Math.floor(this.#random() * most);
      if (this.#busy.subarray(first, first + count).includes(1)) continue;
      this.#busy.fill(1, first, first + count);
      return [first, count];
    }
  }

  /** What the range must hold, while nothing is under way. */
  expected(): Buffer {
    return blocksOf(0, this.#versions);
  }
}
