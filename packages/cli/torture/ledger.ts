// Runs in: CLI. Owns: the memory of what every sector of a disk must hold, or may hold. Pure.

export const SECTOR_BYTES = 512;
const WORDS = SECTOR_BYTES / 4;
/** Nobody knows what it holds: what was read there was wrong. */
const UNKNOWN = -1;

export interface Range {
  readonly lba: number;
  readonly count: number;
}

/** A sector that says where it belongs and which writing it is of, in each of its words. Version 0: never written. */
function word(lba: number, version: number, index: number): number {
  return version === 0 ? 0 : (Math.imul(version, 0x9e3779b1) ^ (lba * WORDS + index)) >>> 0;
}

export function sectorsOf({ lba, count }: Range, version: number): Uint8Array {
  const words = new Uint32Array(count * WORDS);
  for (let at = 0; at < words.length; at++) words[at] = word(lba, version, at);
  return new Uint8Array(words.buffer);
}

function holds(words: Uint32Array, at: number, lba: number, version: number): boolean {
  for (let index = 0; index < WORDS; index++)
    if (words[at * WORDS + index] !== word(lba, version, index)) return false;
  return true;
}

export class Ledger {
  readonly #known: Int32Array;
  /** Versions that a sector may hold instead: of writes that failed, or that a cache has lost. */
  readonly #doubts = new Map<number, Set<number>>();
  /** What sectors may hold again once the cache is lost: what they held before writes that no flush has covered. */
  readonly #unflushed = new Map<number, Set<number>>();
  /** A write was acknowledged that no flush has covered. */
  #owed = false;
  #version = 0;

  /** All zeroes at first. */
  constructor(sectors: number) {
    this.#known = new Int32Array(sectors);
  }

  /** A version for the next write. */
  next(): number {
    return ++this.#version;
  }

  /** Acknowledged. */
  written({ lba, count }: Range, version: number, forced: boolean): void {
    for (let sector = lba; sector < lba + count; sector++) {
      if (forced) this.#unflushed.delete(sector);
      else this.#remember(sector);
      this.#is(sector, version);
    }
    if (!forced) this.#owed = true;
  }

  #is(sector: number, version: number): void {
    this.#known[sector] = version;
    this.#doubts.delete(sector);
  }

  #remember(sector: number): void {
    const before = this.#unflushed.get(sector) ?? new Set();
    this.#unflushed.set(sector, before.add(this.#known[sector]!));
    for (const version of this.#doubts.get(sector) ?? []) before.add(version);
  }

  /** Failed: some of it, none or all may have been written. */
  failed({ lba, count }: Range, version: number): void {
    for (let sector = lba; sector < lba + count; sector++) this.#doubt(sector, version);
  }

  #doubt(sector: number, version: number): void {
    this.#doubts.set(sector, (this.#doubts.get(sector) ?? new Set()).add(version));
  }

  /** Acknowledged, and nothing was under way. */
  flushed(): void {
    this.#unflushed.clear();
    this.#owed = false;
  }

  /** A write was acknowledged that no flush has covered, by whoever is to be asked for one. */
  get owed(): boolean {
    return this.#owed;
  }

  /** Whoever is asked from now on has acknowledged nothing: a loss cannot be told by them. */
  disown(): void {
    this.#owed = false;
  }

  /** The cache is lost. */
  lostPower(): void {
    for (const [sector, versions] of this.#unflushed) {
      if (versions.has(UNKNOWN)) this.#is(sector, UNKNOWN);
      else for (const version of versions) this.#doubt(sector, version);
    }
    this.flushed();
  }

  /** What was read: undefined where it is right, else what is wrong with it. What a sector has shown to hold it must hold from now on. */
  read({ lba, count }: Range, bytes: Uint8Array): string | undefined {
    if (bytes.length !== count * SECTOR_BYTES) return `${bytes.length} bytes of ${count} sectors from ${lba}`;
    const words = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const wrong: number[] = [];
    for (let at = 0; at < count; at++) if (!this.#right(words, at, lba + at)) wrong.push(lba + at);
    if (wrong.length === 0) return undefined;
    const [first] = wrong as [number];
    const about = this.#about(first, words, first - lba);
    for (const sector of wrong) this.#is(sector, UNKNOWN); // wrong once, it is not counted again until it is written
    return `${wrong.length} of ${count} sectors from ${lba} are wrong; sector ${first} ${about}`;
  }

  #right(words: Uint32Array, at: number, sector: number): boolean {
    const known = this.#known[sector]!;
    if (known === UNKNOWN) return true;
    const doubts = this.#doubts.get(sector);
    const found = [known, ...(doubts ?? [])].find((version) => holds(words, at, sector, version));
    if (found === undefined) return false;
    if (doubts !== undefined) this.#remember(sector); // it may be in the cache alone
    this.#is(sector, found);
    return true;
  }

  #about(sector: number, words: Uint32Array, at: number): string {
    const may = [this.#known[sector]!, ...(this.#doubts.get(sector) ?? [])];
    const found = Array.from({ length: this.#version + 1 }, (_, version) => version).findLast((version) =>
      holds(words, at, sector, version),
    );
    return `may hold version ${may.join(" or ")}, holds ${found === undefined ? "none of ours" : `version ${found}`}`;
  }
}
