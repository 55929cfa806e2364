// Runs in: a client (reflector or application). Owns: the client's side of one channel to one incarnation of a driver.

import type { Contract } from "@ring3/core/contract";
import { DeviceError, kindOfCode } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { createShared, mapPeer, type SharedMemory } from "@ring3/kernel/shm/memory";
import { Ringer, Sleeper } from "./doorbell.ts";
import {
  CANCEL,
  type ChannelLayout,
  CLIENT_WORDS,
  COMPLETION,
  DESCRIPTOR_WORDS,
  DRIVER_WORDS,
  EVENT,
  INLINE_WORD,
  layoutOf,
  SUBMISSION,
} from "./layout.ts";
import { MalformedChannel, RingReader, RingWriter } from "./ring.ts";
import { SlotMemory } from "./slot-memory.ts";

/** The client's memory: it outlives the driver's incarnations, so that the bytes of unfinished writes stay in place. */
export class ClientMemory {
  readonly layout: ChannelLayout;
  readonly words: Uint32Array;
  readonly view: DataView;
  readonly #memory: SharedMemory;
  readonly #slots: SlotMemory;

  constructor(contract: Contract) {
    this.layout = layoutOf(contract);
    this.#memory = createShared("ring3-client", this.layout.client.size);
    this.#memory.seal();
    const { dataOffset } = this.layout.client;
    const control = this.#memory.part(0, dataOffset);
    this.words = new Uint32Array(control);
    this.view = new DataView(control);
    this.#slots = new SlotMemory(this.#memory, dataOffset, this.layout.slotBytes);
  }

  /** The sealed descriptor to hand to the driver. */
  get fd(): number {
    return this.#memory.fd.fd;
  }

  /** Room of one slot for bytes on their way to the driver. */
  slot(tag: number, bytes: number): Uint8Array {
    return this.#slots.bytes(tag, bytes);
  }

  /** Empties the rings for a new incarnation. Only while no driver has this memory mapped or none that lives does. */
  reset(): void {
    for (const word of Object.values(CLIENT_WORDS)) Atomics.store(this.words, word, 0);
  }

  close(): void {
    this.#memory.fd.close();
  }
}

/** What the driver gave back, and the manager with it. */
export interface DriverSide {
  readonly memory: Descriptor;
  readonly bellIn: Descriptor;
  readonly bellOut: Descriptor;
  readonly generation: number;
  /** It is waited for awake. */
  readonly poll: boolean;
}

export interface CompletionListener {
  /** `data` holds the bytes from the driver in shared memory, `inline` the out struct at `offset`. */
  completed(
    tag: number,
    kind: number,
    errno: number,
    data: Uint8Array,
    inline: DataView,
    offset: number,
  ): void;
  event(nr: number, dropped: number, inline: DataView, offset: number): void;
  malformed(error: MalformedChannel): void;
}

const NOTHING = new Uint8Array(0);
/** A third of what queueMicrotask costs, which makes an AsyncResource each time. */
const SOON = Promise.resolve();

export class ClientChannel {
  readonly generation: number;
  readonly #memory: ClientMemory;
  readonly #listener: CompletionListener;
  readonly #driverSlots: SlotMemory;
  readonly #driverMemory: Descriptor;
  readonly #submissions: RingWriter;
  readonly #completions: RingReader;
  readonly #events: RingReader;
  readonly #ringer: Ringer;
  readonly #sleeper: Sleeper;
  readonly #scratch = new Uint32Array(DESCRIPTOR_WORDS);
  readonly #scratchView = new DataView(this.#scratch.buffer);
  /** By tag: what is in flight. Sequence 0: nothing. */
  readonly #sequence: Uint32Array;
  readonly #operation: Uint8Array;
  readonly #room: Uint32Array;
  #lastSequence = 0;
  #flushing = false;
  #closed = false;

  /** Throws DeviceError("protocol") where the driver's memory is not sealed or not of this contract's size. */
  constructor(memory: ClientMemory, driver: DriverSide, listener: CompletionListener) {
    const { layout } = memory;
    const peer = mapPeer(driver.memory.fd, layout.driver.size);
    if (peer.size !== layout.driver.size)
      throw new DeviceError(
        "protocol",
        `driver memory of ${peer.size} bytes, expected ${layout.driver.size}`,
      );
    this.generation = driver.generation;
    this.#memory = memory;
    this.#listener = listener;
    this.#driverSlots = new SlotMemory(peer, layout.driver.dataOffset, layout.slotBytes);
    this.#driverMemory = driver.memory;
    const words = new Uint32Array(peer.part(0, layout.driver.dataOffset));
    this.#submissions = new RingWriter(
      memory.words,
      CLIENT_WORDS.submissionHead,
      layout.client.submissions,
      words,
      DRIVER_WORDS.submissionTail,
    );
    this.#completions = new RingReader(
      words,
      DRIVER_WORDS.completionHead,
      layout.driver.completions,
      memory.words,
      CLIENT_WORDS.completionTail,
    );
    this.#events = new RingReader(
      words,
      DRIVER_WORDS.eventHead,
      layout.driver.events,
      memory.words,
      CLIENT_WORDS.eventTail,
    );
    this.#sequence = new Uint32Array(layout.slots);
    this.#operation = new Uint8Array(layout.slots);
    this.#room = new Uint32Array(layout.slots);
    this.#ringer = new Ringer(driver.bellOut, words, DRIVER_WORDS.parked);
    this.#sleeper = new Sleeper(
      driver.bellIn,
      {
        own: memory.words,
        peer: words,
        parked: CLIENT_WORDS.parked,
        asked: CLIENT_WORDS.submissionHead, // a cancel counts too, and is no request: then it waits a little more eagerly
        rings: [
          { head: DRIVER_WORDS.completionHead, tail: CLIENT_WORDS.completionTail },
          { head: DRIVER_WORDS.eventHead, tail: CLIENT_WORDS.eventTail },
        ],
      },
      { serve: () => this.drain(), malformed: (error) => this.#listener.malformed(error) },
      driver.poll,
    );
  }

  /** Call once the listener is ready. */
  start(): void {
    this.#sleeper.start();
  }

  /** Takes what the driver has published by now, whether or not it has rung yet. */
  catchUp(): void {
    try {
      if (!this.#closed) this.drain();
    } catch (error) {
      this.#broken(error);
    }
  }

  /**
   * Sends one request. `length`: bytes that lie in the slot (data "in") or are wanted (data "out"); `room`: how many
   * may come back. `encode` writes the in struct into the descriptor. The caller has nothing in flight on this tag.
   */
  submit(
    tag: number,
    operation: number,
    length: number,
    room: number,
    deadlineMs: number,
    encode: (view: DataView, offset: number) => void,
  ): void {
    if (!this.#hasRoom(this.#submissions.size)) return;
    this.#lastSequence = this.#lastSequence === 0xffffffff ? 1 : this.#lastSequence + 1;
    const at = this.#submissions.next();
    encode(this.#memory.view, (at + INLINE_WORD) * 4);
    this.#sequence[tag] = this.#lastSequence;
    this.#operation[tag] = operation;
    this.#room[tag] = room;
    this.#write(at, operation, tag, length, deadlineMs);
  }

  /** Asks the driver to abort what is in flight on `tag`. False: the ring is full of cancels, ask again later. */
  cancel(tag: number): boolean {
    if (this.#sequence[tag] === 0 || !this.#hasRoom(this.#memory.layout.slots)) return false;
    this.#write(this.#submissions.next(), CANCEL, tag, 0, 0);
    return true;
  }

  /** False too where the driver's index lies: the channel has ended then, and its requests wait for the next driver. */
  #hasRoom(entries: number): boolean {
    if (this.#closed) return false;
    try {
      if (this.#submissions.hasRoom(entries)) return true;
      if (entries === this.#submissions.size)
        throw new MalformedChannel("consumer index stands still in a full ring");
      return false;
    } catch (error) {
      this.#broken(error);
      return false;
    }
  }

  #write(at: number, operation: number, tag: number, length: number, deadlineMs: number): void {
    const { words } = this.#memory;
    words[at + SUBMISSION.generation] = this.generation;
    words[at + SUBMISSION.operation] = operation;
    words[at + SUBMISSION.tag] = tag;
    words[at + SUBMISSION.sequence] = this.#sequence[tag]!;
    words[at + SUBMISSION.length] = length;
    words[at + SUBMISSION.deadlineMs] = deadlineMs;
    this.#submissions.advance();
    this.#flushSoon();
  }

  /** One publication and at most one system call for all that one turn of the event loop submits. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    void SOON.then(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    if (this.#closed) return;
    try {
      this.#submissions.publish();
    } catch (error) {
      return this.#broken(error);
    }
    this.#ringer.ring();
  };

  /** The channel ends, and its requests wait for the next driver. */
  #broken(error: unknown): void {
    if (!(error instanceof MalformedChannel)) throw error;
    this.close();
    this.#listener.malformed(error);
  }

  /**
   * Takes everything the driver has published: first the completions' count, then all events, then that many
   * completions, so that an event emitted before a completion is always seen before it.
   */
  drain(): void {
    const completions = this.#completions.waiting();
    for (let events = this.#events.waiting(); events > 0; events--) this.#takeEvent();
    this.#events.release();
    for (let left = completions; left > 0; left--) this.#takeCompletion();
    this.#completions.release();
  }

  #takeEvent(): void {
    this.#events.take(this.#scratch);
    if (this.#scratch[EVENT.generation] !== this.generation)
      throw new MalformedChannel(`event of generation ${this.#scratch[EVENT.generation]}`);
    this.#listener.event(
      this.#scratch[EVENT.event]!,
      this.#scratch[EVENT.dropped]!,
      this.#scratchView,
      INLINE_WORD * 4,
    );
  }

  #takeCompletion(): void {
    this.#completions.take(this.#scratch);
    const tag = this.#scratch[COMPLETION.tag]!;
    const length = this.#scratch[COMPLETION.length]!;
    const outcome = this.#scratch[COMPLETION.outcome]!;
    const fault = this.#faultOf(tag, length, outcome & 0xffff);
    if (fault !== undefined) throw new MalformedChannel(fault);
    this.#sequence[tag] = 0;
    const data = length === 0 ? NOTHING : this.#driverSlots.bytes(tag, length);
    this.#listener.completed(tag, outcome & 0xffff, outcome >>> 16, data, this.#scratchView, INLINE_WORD * 4);
  }

  #faultOf(tag: number, length: number, kind: number): string | undefined {
    if (this.#scratch[COMPLETION.generation] !== this.generation)
      return `completion of generation ${this.#scratch[COMPLETION.generation]}, expected ${this.generation}`;
    if (tag >= this.#memory.layout.slots) return `completion for slot ${tag}`;
    if (this.#sequence[tag] === 0 || this.#scratch[COMPLETION.sequence] !== this.#sequence[tag])
      return `completion for a request that is not in flight on slot ${tag}`;
    if (this.#scratch[COMPLETION.operation] !== this.#operation[tag])
      return `completion of operation ${this.#scratch[COMPLETION.operation]}, expected ${this.#operation[tag]}`;
    if (length > this.#room[tag]!)
      return `completion with ${length} bytes where ${this.#room[tag]} were asked for`;
    if (kind !== 0 && kindOfCode(kind) === undefined) return `completion with unknown outcome ${kind}`;
    return undefined;
  }

  /** Ends this side. Data already delivered stays readable: the mapping lives as long as its views. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sleeper.close();
    this.#ringer.close();
    this.#driverMemory.close();
  }
}
