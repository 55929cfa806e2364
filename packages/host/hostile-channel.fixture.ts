// Runs in: driver host, in tests. Owns: the driver's side of a channel, with every word of it in reach.

import {
  CLIENT_WORDS,
  COMPLETION,
  DESCRIPTOR_WORDS,
  DRIVER_WORDS,
  EVENT,
  INLINE_WORD,
  layoutOf,
  SUBMISSION,
} from "@ring3/channel/layout";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { watch } from "@ring3/kernel/poll/watch";
import { mapFixed, mapPeer } from "@ring3/kernel/shm/memory";
import { block } from "@ring3/sdk";

export const layout = layoutOf(block);

/** Any number, and often one that means something. */
export function garbage(): number {
  const chance = Math.random();
  if (chance < 0.3) return Math.floor(chance * 40);
  return chance < 0.4 ? 0xffffffff : Math.floor(Math.random() * 2 ** 32);
}

export class Channel {
  readonly words: Uint32Array;
  readonly #bellOut: Descriptor;
  readonly #generation: number;
  readonly #client: Uint32Array;
  #completions = 0;
  #events = 0;
  #seen = 0;

  constructor(generation: number, fds: readonly Descriptor[]) {
    const [memory, bellIn, bellOut, own] = fds.map((given) => new Descriptor(given.take())) as [
      Descriptor,
      Descriptor,
      Descriptor,
      Descriptor,
    ];
    this.#generation = generation;
    this.#bellOut = bellOut;
    this.#client = new Uint32Array(mapPeer(memory.fd, layout.client.size).buffer);
    this.words = new Uint32Array(mapFixed(own.fd, layout.driver.size).buffer);
    this.words[DRIVER_WORDS.parked] = 1;
    const drain = new Uint8Array(4096);
    watch(bellIn.fd, { readable: true }, () => {
      native.read(bellIn.fd, drain);
      Atomics.add(this.words, DRIVER_WORDS.parked, 2); // asleep again: the next submission rings again
      this.requested();
    });
  }

  /** A client has rung. */
  requested: () => void = () => {};

  /** Lies in one of the counters, and says so. */
  set(word: number, value: number): void {
    Atomics.store(this.words, word, value);
    this.ring();
  }

  ring(): number {
    return native.write(this.#bellOut.fd, new Uint8Array(1));
  }

  /** The submissions that no one has seen, as their descriptors' words. */
  submissions(): Uint32Array[] {
    const { entries, size } = layout.client.submissions;
    const head = this.#client[CLIENT_WORDS.submissionHead]!;
    const found: Uint32Array[] = [];
    for (; this.#seen !== head; this.#seen++) {
      const at = entries + (this.#seen & (size - 1)) * DESCRIPTOR_WORDS;
      found.push(this.#client.slice(at, at + DESCRIPTOR_WORDS));
    }
    return found;
  }

  /** The first read that waits; what comes before it is never answered. */
  read(): Uint32Array | undefined {
    return this.submissions().find((words) => words[SUBMISSION.operation] === block.operations.read.nr);
  }

  /** Answers a submission as it should be, but for `lies`. */
  complete(submission: Uint32Array, lies: Partial<Record<keyof typeof COMPLETION, number>> = {}): void {
    const { entries, size } = layout.driver.completions;
    const truth = {
      generation: this.#generation,
      operation: submission[SUBMISSION.operation]!,
      tag: submission[SUBMISSION.tag]!,
      sequence: submission[SUBMISSION.sequence]!,
      length: submission[SUBMISSION.length]!,
      outcome: 0,
    };
    const at = entries + (this.#completions++ & (size - 1)) * DESCRIPTOR_WORDS;
    for (const [name, value] of Object.entries({ ...truth, ...lies }))
      this.words[at + COMPLETION[name as keyof typeof COMPLETION]] = value;
    Atomics.store(this.words, DRIVER_WORDS.completionHead, this.#completions);
    this.ring();
  }

  emit(event: number, data: readonly number[] = [], generation = this.#generation): void {
    const { entries, size } = layout.driver.events;
    const at = entries + (this.#events++ & (size - 1)) * DESCRIPTOR_WORDS;
    this.words[at + EVENT.generation] = generation;
    this.words[at + EVENT.event] = event;
    this.words.set(data, at + INLINE_WORD);
    Atomics.store(this.words, DRIVER_WORDS.eventHead, this.#events);
    this.ring();
  }
}
