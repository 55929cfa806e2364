// Runs in: driver host (writes) and manager (reads, once the host is dead). Owns: the in-flight recorder: what a driver did last, as
// a ring of fixed entries in the device's memory.

/** Entries that are kept. */
export const RECORDER_ENTRIES = 256;
const ENTRY_WORDS = 16;
const TEXT_WORD = 6;
const TEXT_BYTES = (ENTRY_WORDS - TEXT_WORD) * 4;
const HEAD_WORDS = 16;
export const RECORDER_BYTES = (HEAD_WORDS + RECORDER_ENTRIES * ENTRY_WORDS) * 4;

const kinds = ["request", "answer", "submit", "reap", "log"] as const;
export type RecordKind = (typeof kinds)[number];

/** One entry. What `a` to `c` mean depends on `kind`; a dead driver's memory may hold anything. */
export interface RecordEntry {
  readonly kind: RecordKind;
  /** Microseconds before the newest entry. */
  readonly ageUs: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly text: string;
}

/** What the sdk tells of a transfer, and the host of a request. Nothing here allocates but `logged`. */
export interface Recorder {
  /** A request arrived: its channel, its slot there and its operation's number. */
  request(channel: number, tag: number, operation: number): void;
  /** It was answered: 0 or the error's kind code (core/errors). */
  answer(channel: number, tag: number, outcome: number): void;
  /** A transfer was handed to the kernel or the wire. `id` counts up; `endpoint` is its address with the direction bit. */
  submit(id: number, endpoint: number, bytes: number): void;
  /** It came back: bytes moved, and a Linux errno or 0. */
  reap(id: number, bytes: number, errno: number): void;
  log(text: string): void;
}

/** Each entry: number, kind, microseconds, a, b, c as u32, then text. The number is written last and says that the entry is whole. */
export class RingRecorder implements Recorder {
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #now: () => number;
  readonly #encoder = new TextEncoder();
  #count = 0;

  /** `now`: milliseconds. Forgets what an earlier incarnation wrote. */
  constructor(buffer: ArrayBuffer, offset: number, now: () => number) {
    this.#words = new Uint32Array(buffer, offset, RECORDER_BYTES / 4).fill(0);
    this.#bytes = new Uint8Array(buffer, offset, RECORDER_BYTES);
    this.#now = now;
  }

  request(channel: number, tag: number, operation: number): void {
    this.#write(0, channel, tag, operation);
  }
  answer(channel: number, tag: number, outcome: number): void {
    this.#write(1, channel, tag, outcome);
  }
  submit(id: number, endpoint: number, bytes: number): void {
    this.#write(2, id, endpoint, bytes);
  }
  reap(id: number, bytes: number, errno: number): void {
    this.#write(3, id, bytes, errno);
  }
  log(text: string): void {
    const at = (this.#next() + TEXT_WORD) * 4;
    const room = this.#bytes.subarray(at, at + TEXT_BYTES).fill(0);
    const { written } = this.#encoder.encodeInto(text, room);
    this.#write(4, written, 0, 0);
  }

  #next(): number {
    return HEAD_WORDS + (this.#count % RECORDER_ENTRIES) * ENTRY_WORDS;
  }

  #write(kind: number, a: number, b: number, c: number): void {
    const at = this.#next();
    const words = this.#words;
    words[at] = 0;
    words[at + 1] = kind;
    words[at + 2] = this.#now() * 1000;
    words[at + 3] = a;
    words[at + 4] = b;
    words[at + 5] = c;
    words[at] = ++this.#count;
    words[0] = this.#count;
  }
}

/** The entries that are whole, oldest first. Believes nothing: whatever is there, it gives at most RECORDER_ENTRIES entries. */
export function readRecorder(buffer: ArrayBuffer, offset: number): RecordEntry[] {
  const words = new Uint32Array(buffer.slice(offset, offset + RECORDER_BYTES)); // copied once, then looked at
  const newest = words[0]!;
  const found: number[] = [];
  for (let number = Math.max(1, newest - RECORDER_ENTRIES + 1); number <= newest; number++) {
    const at = HEAD_WORDS + ((number - 1) % RECORDER_ENTRIES) * ENTRY_WORDS;
    if (words[at] === number && kinds[words[at + 1]!] !== undefined) found.push(at);
  }
  const latest = words[(found.at(-1) ?? 0) + 2]!;
  return found.map((at) => {
    const [, kind, time, a, b, c] = words.subarray(at, at + TEXT_WORD) as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const room = new Uint8Array(words.buffer, (at + TEXT_WORD) * 4, TEXT_BYTES);
    const text = kinds[kind] === "log" ? new TextDecoder().decode(room.subarray(0, a)) : "";
    return { kind: kinds[kind]!, ageUs: (latest - time) >>> 0, a, b, c, text };
  });
}

/** Requests that have arrived and were not answered, by those entries. */
export function unanswered(entries: readonly RecordEntry[]): RecordEntry[] {
  const open = new Map<string, RecordEntry>();
  for (const entry of entries) {
    const key = `${entry.a}/${entry.b}`;
    if (entry.kind === "request") open.set(key, entry);
    else if (entry.kind === "answer") open.delete(key);
  }
  return [...open.values()];
}
