// Runs in: a client, reflector or application (writes), and whoever traces the device (reads). Owns: what a client does with the units of one device
// while somebody traces it, as a ring in memory of its own. There is none otherwise.

import type { EndpointTrace, Slot } from "@ring3/core/slot-port";
import { checkPeer, createShared, type Memory, mapPeer } from "@ring3/kernel/shm/memory";
import { RING_BYTES, RingWriter } from "./entry-ring.ts";

/** In the order of their numbers. */
export const clientRecordKinds = ["receive", "part", "reply", "submit", "send", "complete"] as const;
export type ClientRecordKind = (typeof clientRecordKinds)[number];
const [RECEIVE, PART, REPLY, SUBMIT, SEND, COMPLETE] = [0, 1, 2, 3, 4, 5] as const;
/** No kind has a text. */
export const CLIENT_RECORD_TEXTS = -1;

const HIGH = 2 ** 32;

/** Nothing here allocates. */
export class ClientRecorder extends RingWriter {
  /** For whoever reads it; sealed, so that nobody else can write there. */
  readonly memory: Memory;
  readonly #now: () => number;
  #sessions = 0;
  #requests = 0;

  /** `now`: milliseconds, the machine's. */
  constructor(now: () => number) {
    const memory = createShared("ring3-trace", RING_BYTES);
    super(memory.buffer, 0);
    memory.seal();
    this.memory = memory;
    this.#now = now;
  }

  /** For one opening of a unit; `channel`: the one to its driver now. */
  session(channel: () => number): SessionRecorder {
    return new SessionRecorder(this, ++this.#sessions, channel);
  }

  nextRequest(): number {
    return ++this.#requests;
  }

  record(kind: number, a: number, b: number, c: number, d = 0, e = 0, f = 0): void {
    this.write(kind, this.#now(), a, b, c, d, e, f);
  }
}

/** For who passes such memory on: throws where it is none that can be read safely. Does not take the descriptor. */
export function checkClientRecorder(fd: number): void {
  checkPeer(fd, RING_BYTES);
}

/** To be read. Throws as checkClientRecorder does. */
export function mapClientRecorder(fd: number): ArrayBuffer {
  checkClientRecorder(fd);
  return mapPeer(fd, RING_BYTES).buffer;
}

export class SessionRecorder implements EndpointTrace {
  readonly #recorder: ClientRecorder;
  readonly #session: number;
  readonly #channel: () => number;

  constructor(recorder: ClientRecorder, session: number, channel: () => number) {
    this.#recorder = recorder;
    this.#session = session;
    this.#channel = channel;
  }

  received(pid: number, operation: number, bytes: number, offset: number): number {
    const request = this.#recorder.nextRequest();
    this.#recorder.record(RECEIVE, request, operation, bytes, offset % HIGH, Math.trunc(offset / HIGH), pid);
    return request;
  }

  part(request: number, { index }: Slot): void {
    this.#recorder.record(PART, request, this.#session, index);
  }

  replied(request: number, failed: boolean): void {
    this.#recorder.record(REPLY, request, Number(failed), 0);
  }

  /** It stands in the journal; a tag has one such request at a time. */
  submitted(tag: number, operation: number, bytes: number): void {
    this.#recorder.record(SUBMIT, this.#session, tag, operation, bytes);
  }

  /** It goes to the driver: the first one, or another after the last one's death. */
  sent(tag: number): void {
    this.#recorder.record(SEND, this.#session, tag, this.#channel());
  }

  /** 0 or the error's kind code (core/errors). */
  completed(tag: number, outcome: number): void {
    this.#recorder.record(COMPLETE, this.#session, tag, outcome);
  }
}
