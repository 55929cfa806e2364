// Runs in: driver host (writes), manager (reads) and whoever traces the device (reads). Owns: the in-flight recorder: what a
// driver did last, as a ring in the device's memory.

import { SLOTS_MAX } from "@ring3/core/contract";
import { latestEntries, RING_BYTES, RING_ENTRIES, type RingEntry, RingWriter } from "./entry-ring.ts";

/** Entries that a crash report gets. */
export const RECORDED_ENTRIES = 256;
export const RECORDER_BYTES = RING_BYTES;
/** Read while its host writes on: what it writes meanwhile stands in the place of older ones. */
const ENTRIES_NOW = RING_ENTRIES / 2;

/** In the order of their numbers. */
export const recordKinds = ["request", "answer", "submit", "reap", "log", "turn"] as const;
export type RecordKind = (typeof recordKinds)[number];
const [REQUEST, ANSWER, SUBMIT, REAP, LOG, TURN] = [0, 1, 2, 3, 4, 5] as const;
/** The kind that has a text. */
export const RECORD_TEXTS = LOG;

/** One entry. What `a` to `d` mean depends on `kind`; a dead driver's memory may hold anything. */
export interface RecordEntry {
  readonly kind: RecordKind;
  /** Microseconds before the newest entry, or before the moment that was said. */
  readonly ageUs: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly text: string;
}

/** What the sdk tells of a transfer, and the host of a request. Nothing here allocates but `log`. */
export interface Recorder {
  /**
   * A request arrived: its channel, its slot there, its operation's number and its bytes, to be written or to be read; `atMs`: when, for who has looked
   * at the clock already.
   */
  request(channel: number, tag: number, operation: number, bytes: number, atMs?: number): void;
  /** The handler of a request (requestId) that had to wait starts. */
  turn(request: number): void;
  /** It was answered: 0 or the error's kind code (core/errors). */
  answer(channel: number, tag: number, outcome: number, atMs?: number): void;
  /**
   * A transfer was handed to the kernel or the wire. `id` counts up; `endpoint` is its address with the direction bit; `request`: for which it is
   * (requestId), 0 for none.
   */
  submit(id: number, endpoint: number, bytes: number, request?: number): void;
  /** It came back: bytes moved, and a Linux errno or 0. */
  reap(id: number, bytes: number, errno: number): void;
  log(text: string): void;
}

/** Of a request, in its driver's host: channels count from 1. */
export const requestId = (channel: number, tag: number): number => channel * SLOTS_MAX + tag;

/** What a host has instead of the machine's clock (core/clock, runningClock). */
export interface RecorderClock {
  now(): number;
  /** How far it is behind the machine's. */
  readonly behindMs?: number;
}

export class RingRecorder extends RingWriter implements Recorder {
  readonly #clock: RecorderClock;

  constructor(buffer: ArrayBuffer, offset: number, clock: RecorderClock) {
    super(buffer, offset);
    this.#clock = clock;
  }

  request(channel: number, tag: number, operation: number, bytes: number, atMs = this.#clock.now()): void {
    this.write(REQUEST, this.#machine(atMs), channel, tag, operation, bytes);
  }
  turn(request: number): void {
    const channel = Math.trunc(request / SLOTS_MAX);
    this.write(TURN, this.#machine(this.#clock.now()), channel, request % SLOTS_MAX, 0);
  }
  answer(channel: number, tag: number, outcome: number, atMs = this.#clock.now()): void {
    this.write(ANSWER, this.#machine(atMs), channel, tag, outcome);
  }
  submit(id: number, endpoint: number, bytes: number, request = 0): void {
    const channel = Math.trunc(request / SLOTS_MAX);
    this.write(SUBMIT, this.#machine(this.#clock.now()), id, endpoint, bytes, channel, request % SLOTS_MAX);
  }
  reap(id: number, bytes: number, errno: number): void {
    this.write(REAP, this.#machine(this.#clock.now()), id, bytes, errno);
  }
  log(text: string): void {
    this.writeText(LOG, this.#machine(this.#clock.now()), text);
  }

  #machine(ms: number): number {
    return ms + (this.#clock.behindMs ?? 0);
  }
}

/** What the last incarnation did, oldest first. Believes nothing: whatever is there, it gives at most RECORDED_ENTRIES entries. */
export function readRecorder(buffer: ArrayBuffer, offset: number): RecordEntry[] {
  return latestEntries(buffer, offset, RECORDED_ENTRIES, RECORD_TEXTS).flatMap(recordOf);
}

/** What the incarnation that there is has done up to now, with ages before `nowMs`. Believes as little. */
export function readRecorderNow(buffer: ArrayBuffer, offset: number, nowMs: number): RecordEntry[] {
  return latestEntries(buffer, offset, ENTRIES_NOW, RECORD_TEXTS, nowMs * 1000).flatMap(recordOf);
}

function recordOf({ kind, timeUs, a, b, c, d, text }: RingEntry): RecordEntry[] {
  const name = recordKinds[kind];
  return name === undefined ? [] : [{ kind: name, ageUs: -timeUs, a, b, c, d, text }];
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
