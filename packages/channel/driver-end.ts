// Runs in: driver host. Owns: the driver's side of one channel to one client. Distrusts every word of the client.

import type { Contract, Operation } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { mapFixed, mapPeer } from "@ring3/kernel/shm/memory";
import { Ringer, Sleeper } from "./doorbell.ts";
import { EventWriter } from "./event-writer.ts";
import {
  CANCEL,
  type ChannelLayout,
  CLIENT_WORDS,
  COMPLETION,
  DESCRIPTOR_WORDS,
  DRIVER_WORDS,
  INLINE_WORD,
  layoutOf,
  SUBMISSION,
} from "./layout.ts";
import { MalformedChannel, RingReader, RingWriter } from "./ring.ts";
import { SlotMemory } from "./slot-memory.ts";

/** One validated request. `data`: the bytes in (client's memory, read-only) or the room for the bytes out (ours). */
export interface Submission {
  readonly tag: number;
  readonly sequence: number;
  readonly operation: string;
  readonly input: unknown;
  readonly data: Uint8Array;
  readonly deadlineMs: number;
}

export interface SubmissionListener {
  submitted(request: Submission): void;
  cancelled(tag: number, sequence: number): void;
  /** The client broke the rules: this channel has ended. */
  malformed(error: MalformedChannel): void;
}

/** What the manager hands over for one channel. */
export interface ClientSide {
  /** The client's, read-only here. */
  readonly memory: Descriptor;
  readonly bellIn: Descriptor;
  readonly bellOut: Descriptor;
  /** createDriverMemory's: ours to write. Closed once it is mapped. */
  readonly own: Descriptor;
  readonly generation: number;
  /** It is waited for awake. */
  readonly poll: boolean;
}

const NOTHING = new Uint8Array(0);
/** A third of what queueMicrotask costs, which makes an AsyncResource each time. */
const SOON = Promise.resolve();

export class DriverEnd {
  readonly #layout: ChannelLayout;
  readonly #generation: number;
  readonly #listener: SubmissionListener;
  /** By their numbers. */
  readonly #operations: ({ name: string; spec: Operation } | undefined)[] = [];
  readonly #slots: SlotMemory;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  readonly #clientSlots: SlotMemory;
  readonly #clientMemory: Descriptor;
  readonly #submissions: RingReader;
  readonly #completions: RingWriter;
  readonly #events: EventWriter;
  readonly #ringer: Ringer;
  readonly #sleeper: Sleeper;
  readonly #scratch = new Uint32Array(DESCRIPTOR_WORDS);
  readonly #scratchView = new DataView(this.#scratch.buffer);
  /** By tag: sequence of the request in flight. 0: none. */
  readonly #sequence: Uint32Array;
  readonly #operation: Uint8Array;
  #flushing = false;
  #closed = false;

  /** Throws DeviceError("protocol") where a memory is not sealed or not of this contract's size. */
  constructor(contract: Contract, client: ClientSide, listener: SubmissionListener) {
    const layout = layoutOf(contract);
    const peer = mapPeer(client.memory.fd, layout.client.size);
    if (peer.size !== layout.client.size)
      throw new DeviceError(
        "protocol",
        `client memory of ${peer.size} bytes, expected ${layout.client.size}`,
      );
    this.#layout = layout;
    this.#generation = client.generation;
    this.#listener = listener;
    for (const [name, spec] of Object.entries(contract.operations))
      this.#operations[spec.nr] = { name, spec };
    const own = mapFixed(client.own.fd, layout.driver.size);
    client.own.close();
    const control = own.part(0, layout.driver.dataOffset);
    this.#words = new Uint32Array(control);
    this.#view = new DataView(control);
    this.#slots = new SlotMemory(own, layout.driver.dataOffset, layout.slotBytes);
    this.#clientSlots = new SlotMemory(peer, layout.client.dataOffset, layout.slotBytes);
    this.#clientMemory = client.memory;
    const words = new Uint32Array(peer.part(0, layout.client.dataOffset));
    this.#submissions = new RingReader(
      words,
      CLIENT_WORDS.submissionHead,
      layout.client.submissions,
      this.#words,
      DRIVER_WORDS.submissionTail,
    );
    this.#completions = new RingWriter(
      this.#words,
      DRIVER_WORDS.completionHead,
      layout.driver.completions,
      words,
      CLIENT_WORDS.completionTail,
    );
    const events = new RingWriter(
      this.#words,
      DRIVER_WORDS.eventHead,
      layout.driver.events,
      words,
      CLIENT_WORDS.eventTail,
    );
    this.#events = new EventWriter(contract, events, this.#words, this.#view, client.generation);
    this.#sequence = new Uint32Array(layout.slots);
    this.#operation = new Uint8Array(layout.slots);
    this.#ringer = new Ringer(client.bellOut, words, CLIENT_WORDS.parked);
    this.#sleeper = new Sleeper(
      client.bellIn,
      {
        own: this.#words,
        peer: words,
        parked: DRIVER_WORDS.parked,
        asked: -1,
        rings: [{ head: CLIENT_WORDS.submissionHead, tail: DRIVER_WORDS.submissionTail }],
      },
      { serve: () => this.#drain(), malformed: (error) => this.#fail(error) },
      client.poll,
    );
  }

  start(): void {
    this.#sleeper.start();
  }

  #drain(): void {
    for (let left = this.#submissions.waiting(); left > 0 && !this.#closed; left--) {
      this.#submissions.take(this.#scratch);
      this.#takeSubmission();
    }
    this.#submissions.release();
    this.#events.retry();
  }

  #takeSubmission(): void {
    const { scratch, tag, sequence } = this.#scratchHead();
    if (scratch[SUBMISSION.operation] === CANCEL) {
      if (this.#sequence[tag] === sequence) this.#listener.cancelled(tag, sequence);
      return;
    }
    if (this.#sequence[tag] !== 0) throw new MalformedChannel(`second request on slot ${tag}`);
    const found = this.#operations[scratch[SUBMISSION.operation]!];
    if (found === undefined) throw new MalformedChannel(`unknown operation ${scratch[SUBMISSION.operation]}`);
    const length = scratch[SUBMISSION.length]!;
    if (length > (found.spec.data === undefined ? 0 : this.#layout.slotBytes))
      throw new MalformedChannel(`${found.name} with ${length} bytes of data`);
    this.#sequence[tag] = sequence;
    this.#operation[tag] = found.spec.nr;
    this.#listener.submitted({
      tag,
      sequence,
      operation: found.name,
      input: this.#decodeInput(found.name, found.spec),
      data: this.#dataOf(found.spec, tag, length),
      deadlineMs: scratch[SUBMISSION.deadlineMs]!,
    });
  }

  #scratchHead(): { scratch: Uint32Array; tag: number; sequence: number } {
    const scratch = this.#scratch;
    const tag = scratch[SUBMISSION.tag]!;
    const sequence = scratch[SUBMISSION.sequence]!;
    if (scratch[SUBMISSION.generation] !== this.#generation)
      throw new MalformedChannel(`request of generation ${scratch[SUBMISSION.generation]}`);
    if (tag >= this.#layout.slots || sequence === 0)
      throw new MalformedChannel(`request for slot ${tag}, sequence ${sequence}`);
    return { scratch, tag, sequence };
  }

  #decodeInput(name: string, spec: Operation): unknown {
    if (spec.in === undefined) return undefined;
    try {
      return spec.in.decode(this.#scratchView, INLINE_WORD * 4);
    } catch (error) {
      throw new MalformedChannel(`${name}: ${(error as Error).message}`);
    }
  }

  #dataOf(spec: Operation, tag: number, length: number): Uint8Array {
    if (length === 0) return NOTHING;
    return (spec.data === "in" ? this.#clientSlots : this.#slots).bytes(tag, length);
  }

  /** Answers one request, once. `kind` 0: done; else the error's kind code. `encode` writes the out struct. */
  complete(
    tag: number,
    kind: number,
    errno: number,
    length: number,
    encode?: (view: DataView, offset: number) => void,
  ): void {
    if (this.#closed) return;
    const sequence = this.#sequence[tag];
    if (!sequence) throw new DeviceError("internal", `second completion on slot ${tag}`);
    try {
      if (!this.#completions.hasRoom()) throw new MalformedChannel("completions never read");
    } catch (error) {
      this.#fail(error as MalformedChannel);
      return;
    }
    const at = this.#completions.next();
    encode?.(this.#view, (at + INLINE_WORD) * 4);
    this.#words[at + COMPLETION.generation] = this.#generation;
    this.#words[at + COMPLETION.operation] = this.#operation[tag]!;
    this.#words[at + COMPLETION.tag] = tag;
    this.#words[at + COMPLETION.sequence] = sequence;
    this.#words[at + COMPLETION.length] = length;
    this.#words[at + COMPLETION.outcome] = (kind | (errno << 16)) >>> 0;
    this.#completions.advance();
    this.#sequence[tag] = 0;
    this.#flushSoon();
  }

  /** Tells the client of an event; never waits for it. */
  emit(name: string, data: unknown): void {
    if (this.#closed) return;
    this.#guarded(() => this.#events.emit(name, data));
    this.#flushSoon();
  }

  /** Sends the latest state that found no room before. Called with every heartbeat. */
  retryEvents(): void {
    if (this.#closed) return;
    this.#guarded(() => {
      if (this.#events.retry()) this.#flushSoon();
    });
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof MalformedChannel)) throw error;
      this.#fail(error);
    }
  }

  #fail(error: MalformedChannel): void {
    if (this.#closed) return;
    this.close();
    this.#listener.malformed(error);
  }

  /** One publication and at most one system call for all that one turn of the event loop answers. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    void SOON.then(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    if (this.#closed) return;
    this.#guarded(() => {
      this.#events.publish();
      this.#completions.publish();
      this.#ringer.ring();
    });
  };

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sleeper.close();
    this.#ringer.close();
    this.#clientMemory.close();
  }
}
