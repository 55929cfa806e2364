// Runs in: whoever records (writes), manager and whoever traces (read). Owns: the ring of fixed entries in shared memory: who writes there waits
// for nobody, and who reads believes nothing of it.

/** As many as a busy driver writes in some milliseconds: a trace looks as often. */
export const RING_ENTRIES = 2048;
const ENTRY_WORDS = 16;
/** Of each entry: its number, kind and microseconds (CLOCK_MONOTONIC, both round at 2³²), then the values or, in their place, a text. */
const [NUMBER, KIND, TIME, FIRST] = [0, 1, 2, 3] as const;
const TEXT_WORD = 4;
const TEXT_BYTES = (ENTRY_WORDS - TEXT_WORD) * 4;
const HEAD_WORDS = 16;
/** Of the head: how many entries there were, and how many of them before this writer. */
const [COUNT, BEGIN] = [0, 1] as const;
export const RING_BYTES = (HEAD_WORDS + RING_ENTRIES * ENTRY_WORDS) * 4;

/** Its values mean what the kind says; a hostile writer's are anything. */
export interface RingEntry {
  readonly kind: number;
  /** Microseconds, from where the reader counts. */
  readonly timeUs: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
  /** Of a kind that has one. */
  readonly text: string;
}

/** An entry's number is written last and says that it is whole. Nothing here allocates but `writeText`. */
export class RingWriter {
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #encoder = new TextEncoder();
  #count: number;

  /** Goes on behind what an earlier writer has left, which is this one's no more. */
  constructor(buffer: ArrayBuffer, offset: number) {
    this.#words = new Uint32Array(buffer, offset, RING_BYTES / 4);
    this.#bytes = new Uint8Array(buffer, offset, RING_BYTES);
    this.#count = this.#words[COUNT]!;
    this.#words[BEGIN] = this.#count;
  }

  protected write(kind: number, timeMs: number, a: number, b: number, c: number, d = 0, e = 0, f = 0): void {
    const at = this.#begin(kind, timeMs);
    const words = this.#words;
    words[at + FIRST] = a;
    words[at + FIRST + 1] = b;
    words[at + FIRST + 2] = c;
    words[at + FIRST + 3] = d;
    words[at + FIRST + 4] = e;
    words[at + FIRST + 5] = f;
    this.#end(at);
  }

  /** What finds no room is left out, at a whole character. */
  protected writeText(kind: number, timeMs: number, text: string): void {
    const at = this.#begin(kind, timeMs);
    const bytes = (at + TEXT_WORD) * 4;
    const { written } = this.#encoder.encodeInto(text, this.#bytes.subarray(bytes, bytes + TEXT_BYTES));
    this.#words[at + FIRST] = written;
    this.#end(at);
  }

  #begin(kind: number, timeMs: number): number {
    const at = placeOf(this.#count + 1);
    this.#words[at + NUMBER] = 0;
    this.#words[at + KIND] = kind;
    this.#words[at + TIME] = timeMs * 1000;
    return at;
  }

  #end(at: number): void {
    this.#count = (this.#count + 1) >>> 0;
    this.#words[at + NUMBER] = this.#count;
    this.#words[COUNT] = this.#count;
  }
}

/** Microseconds back, round at 2³²: more than that is a time that lies ahead, by a little or by a lie. */
const AHEAD = 2 ** 32 - 1_000_000;

const placeOf = (number: number): number => HEAD_WORDS + (((number - 1) >>> 0) % RING_ENTRIES) * ENTRY_WORDS;

/**
 * The latest entries of the last writer that are whole, oldest first: at most `most`, whatever is there. `texts`: the kind that has one. Their
 * times count from the newest, or from `fromUs`, backwards: 0 and below.
 */
export function latestEntries(
  buffer: ArrayBuffer,
  offset: number,
  most: number,
  texts: number,
  fromUs?: number,
): RingEntry[] {
  const words = new Uint32Array(buffer.slice(offset, offset + RING_BYTES)); // copied once, then looked at
  const newest = words[COUNT]!;
  const count = Math.min((newest - words[BEGIN]!) >>> 0, most, RING_ENTRIES);
  const found: number[] = [];
  for (let back = count - 1; back >= 0; back--) {
    const number = (newest - back) >>> 0;
    const at = placeOf(number);
    if (words[at + NUMBER] === number) found.push(at);
  }
  const last = fromUs ?? words[(found.at(-1) ?? 0) + TIME]!;
  const age = (at: number) => (last - words[at + TIME]!) >>> 0;
  return found.map((at) =>
    entryAt(words.subarray(at, at + ENTRY_WORDS), texts, -(age(at) > AHEAD ? 0 : age(at))),
  );
}

function entryAt(words: Uint32Array, texts: number, timeUs: number): RingEntry {
  const kind = words[KIND]!;
  const [a, b, c, d, e, f] = words.subarray(FIRST, FIRST + 6) as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (kind !== texts) return { kind, timeUs, a, b, c, d, e, f, text: "" };
  const bytes = new Uint8Array(words.buffer, words.byteOffset + TEXT_WORD * 4, TEXT_BYTES);
  return {
    kind,
    timeUs,
    a,
    b: 0,
    c: 0,
    d: 0,
    e: 0,
    f: 0,
    text: new TextDecoder().decode(bytes.subarray(0, a)),
  };
}

/** How far back an entry's time may lie before the look that should have seen it. */
const LATE_US = 1_000_000;

/**
 * Reads what is being written, one look behind: what was there at the last look has long arrived in this processor's view of the memory. Counts what
 * it has not seen (`lost`), and what cannot be (`refused`).
 */
export class RingFollower {
  lost = 0;
  refused = 0;
  readonly #words: Uint32Array;
  readonly #texts: number;
  /** The last entry that was read, and the newest at the last look. */
  #read: number;
  #seen: number;
  /** The times of the last two looks. */
  #lookedUs: number;
  #beforeUs: number;
  readonly #copy = new Uint32Array(ENTRY_WORDS);

  /** `texts`: the kind that has a text. `sinceUs`: of what is there already, that is read which is not older. */
  constructor(buffer: ArrayBuffer, offset: number, texts: number, sinceUs: number, nowUs: number) {
    this.#words = new Uint32Array(buffer, offset, RING_BYTES / 4);
    this.#texts = texts;
    this.#lookedUs = this.#beforeUs = nowUs;
    this.#read = this.#seen = Atomics.load(this.#words, COUNT);
    const there = Math.min((this.#seen - this.#words[BEGIN]!) >>> 0, RING_ENTRIES);
    for (let back = 0; back < there; back++) {
      const entry = this.#entry(this.#read, nowUs);
      if (entry === undefined || entry.timeUs < sinceUs) break;
      this.#read = (this.#read - 1) >>> 0;
    }
    if (this.#read !== this.#seen) this.#lookedUs = this.#beforeUs = sinceUs;
  }

  /** Everything up to the look before this one, with times on the reader's clock. */
  look(nowUs: number): RingEntry[] {
    const newest = Atomics.load(this.#words, COUNT);
    const until = this.#seen;
    const entries: RingEntry[] = [];
    const unread = (until - this.#read) | 0;
    if (unread < 0) {
      this.refused++; // there cannot be fewer than there were
      this.#read = until;
    } else if (unread > RING_ENTRIES) {
      this.lost += unread - RING_ENTRIES;
      this.#read = (until - RING_ENTRIES) >>> 0;
    }
    const earliest = this.#beforeUs - LATE_US;
    while (this.#read !== until) {
      this.#read = (this.#read + 1) >>> 0;
      const entry = this.#entry(this.#read, nowUs);
      if (entry === undefined) this.lost++;
      else if (entry.timeUs < earliest || entry.timeUs > nowUs) this.refused++;
      else entries.push(entry);
    }
    this.#seen = newest;
    this.#beforeUs = this.#lookedUs;
    this.#lookedUs = nowUs;
    return entries;
  }

  /** undefined: another one is in its place, or was put there meanwhile. */
  #entry(number: number, nowUs: number): RingEntry | undefined {
    const at = placeOf(number);
    const copy = this.#copy;
    copy.set(this.#words.subarray(at, at + ENTRY_WORDS));
    if (copy[NUMBER] !== number || Atomics.load(this.#words, at + NUMBER) !== number) return undefined;
    return entryAt(copy, this.#texts, nowUs - ((nowUs - copy[TIME]!) | 0));
  }
}
