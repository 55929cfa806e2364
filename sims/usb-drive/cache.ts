// Runs in: the usb-drive sim. Owns: written sectors that have not reached the image.
import type { Medium } from "./disk.ts";

const DIRTY_LIMIT_BYTES = 32 * 1048576;
const RUN_SECTORS = 1024; // written back in one call

/** A volatile write cache: what it holds is lost with `losePower`, and only that. */
export class WriteCache implements Medium {
  readonly #medium: Medium;
  readonly #sectorBytes: number;
  readonly #limitBytes: number;
  readonly #dirty = new Map<number, Uint8Array>(); // by sector number

  constructor(medium: Medium, sectorBytes: number, limitBytes = DIRTY_LIMIT_BYTES) {
    this.#medium = medium;
    this.#sectorBytes = sectorBytes;
    this.#limitBytes = limitBytes;
  }

  get sizeBytes(): number {
    return this.#medium.sizeBytes;
  }

  get dirtyBytes(): number {
    return this.#dirty.size * this.#sectorBytes;
  }

  async read(position: number, into: Uint8Array): Promise<void> {
    await this.#medium.read(position, into);
    if (this.#dirty.size === 0) return;
    const size = this.#sectorBytes;
    const end = position + into.length;
    for (let sector = Math.floor(position / size); sector * size < end; sector++) {
      const held = this.#dirty.get(sector);
      if (held === undefined) continue;
      const from = Math.max(position, sector * size);
      const to = Math.min(end, (sector + 1) * size);
      into.set(held.subarray(from - sector * size, to - sector * size), from - position);
    }
  }

  /** Whole sectors. */
  async write(
    position: number,
    chunks: readonly Uint8Array[],
    length: number,
    through: boolean,
  ): Promise<void> {
    const first = position / this.#sectorBytes;
    const count = length / this.#sectorBytes;
    if (through) {
      for (let i = 0; i < count; i++) this.#dirty.delete(first + i);
      await this.#medium.write(position, chunks, length, true);
      return;
    }
    const bytes = Buffer.concat(chunks, length); // the chunks are slices of larger reads that should not live on
    for (let i = 0; i < count; i++) {
      this.#dirty.set(first + i, bytes.subarray(i * this.#sectorBytes, (i + 1) * this.#sectorBytes));
    }
    if (this.dirtyBytes > this.#limitBytes) await this.flush();
  }

  async zero(position: number, length: number): Promise<void> {
    const first = position / this.#sectorBytes;
    const count = length / this.#sectorBytes;
    if (count > this.#dirty.size) {
      for (const sector of this.#dirty.keys())
        if (sector >= first && sector < first + count) this.#dirty.delete(sector);
    } else {
      for (let i = 0; i < count; i++) this.#dirty.delete(first + i);
    }
    await this.#medium.zero(position, length);
  }

  async flush(): Promise<void> {
    const sectors = [...this.#dirty.keys()].sort((a, b) => a - b);
    for (let at = 0; at < sectors.length; ) {
      let end = at + 1;
      while (end < sectors.length && end - at < RUN_SECTORS && sectors[end] === sectors[end - 1]! + 1) end++;
      await this.#writeBack(sectors.slice(at, end));
      at = end;
    }
    await this.#medium.flush();
  }

  losePower(): void {
    this.#dirty.clear();
  }

  /** A sector leaves the cache only once it is in the image, and only if it was not written again meanwhile. */
  async #writeBack(run: readonly number[]): Promise<void> {
    const held = run
      .map((sector) => ({ sector, bytes: this.#dirty.get(sector) }))
      .filter((each) => each.bytes !== undefined);
    if (held.length !== run.length) return; // the power went away meanwhile
    const chunks = held.map((each) => each.bytes!);
    await this.#medium.write(run[0]! * this.#sectorBytes, chunks, run.length * this.#sectorBytes, false);
    for (const { sector, bytes } of held) if (this.#dirty.get(sector) === bytes) this.#dirty.delete(sector);
  }
}
