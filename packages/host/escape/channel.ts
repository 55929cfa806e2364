// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: the words of its channel and of its heartbeat, which a driver is
// not given: every load and store of the host's own code passes here on its way.

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
import { block } from "@ring3/sdk";
import { call } from "./probe.ts";

export const layout = layoutOf(block);

const F_GETFL = 3; // linux/fcntl.h
const F_GET_SEALS = 1034;
const O_WRONLY = 1; // asm-generic/fcntl.h
const O_ACCMODE = 3;
const DESCRIPTORS = 64;

interface Overheard {
  /** The latest words that each kind of access was to: only its own memory is written, a client's is only read. */
  readonly seen: { own?: Uint32Array; client?: Uint32Array; device?: Uint32Array };
  readonly originals: Pick<typeof Atomics, "load" | "store" | "add">;
  listening: boolean;
}

/** One for all instances of this module: a driver that rehearses is loaded several times. */
const OVERHEARD = Symbol.for("ring3.overheard");
const global = globalThis as { [OVERHEARD]?: Overheard };
global[OVERHEARD] ??= {
  seen: {},
  originals: { load: Atomics.load, store: Atomics.store, add: Atomics.add },
  listening: false,
};
const overheard = global[OVERHEARD];
const { seen } = overheard;
const { load, store } = overheard.originals;

type Access = (words: Uint32Array, word: number, value?: number) => number;

function overhear(original: Access, whose: (words: Uint32Array) => keyof typeof seen): Access {
  return (words, word, value) => {
    seen[whose(words)] = words;
    return original(words, word, value);
  };
}

/** Before the driver's first channel. */
export function overhearAll(): void {
  if (overheard.listening) return;
  overheard.listening = true;
  const originals = overheard.originals as unknown as Readonly<Record<"load" | "store" | "add", Access>>;
  // Of either memory the part before the slots is mapped by itself.
  const { driver, client } = layout;
  const written = ({ buffer }: Uint32Array) => (buffer.byteLength === driver.dataOffset ? "own" : "device");
  const read = ({ buffer }: Uint32Array) => (buffer.byteLength === client.dataOffset ? "client" : "device");
  Object.assign(Atomics, {
    load: overhear(originals.load, read),
    store: overhear(originals.store, written),
    add: overhear(originals.add, written),
  });
}

function wordsOf(whose: keyof typeof seen): Uint32Array {
  const words = seen[whose];
  if (words === undefined) throw new Error(`has not seen the words of its ${whose}`);
  return words;
}

type Lies = Partial<Record<keyof typeof COMPLETION, number>>;

function descriptorWhere(fits: (fd: number) => boolean): number {
  for (let fd = DESCRIPTORS; fd > 3; fd--) if (fits(fd)) return fd;
  throw new Error("has no such descriptor");
}

/** One entry more in a ring of its own, published. */
function publish(
  headWord: number,
  { entries, size }: typeof layout.driver.events,
  words: readonly number[],
): void {
  const own = channel.own();
  const head = load(own, headWord);
  own.set(words, entries + (head & (size - 1)) * DESCRIPTOR_WORDS);
  store(own, headWord, head + 1);
}

export const channel = {
  own: () => wordsOf("own"),
  client: () => wordsOf("client"),
  device: () => wordsOf("device"),
  clientMemory: () => descriptorWhere((fd) => call("fcntl", fd, F_GET_SEALS) >= 0),

  /** The write that this probe came with, as its client's ring has it. */
  request(): Uint32Array {
    const { entries, size } = layout.client.submissions;
    const words = channel.client();
    const head = load(words, CLIENT_WORDS.submissionHead);
    const at = entries + ((head - 1) & (size - 1)) * DESCRIPTOR_WORDS;
    return words.slice(at, at + DESCRIPTOR_WORDS);
  },

  /** Answers that request as it should be, but for `lies`. */
  complete(lies: Lies = {}): void {
    const request = channel.request();
    const truth = {
      generation: request[SUBMISSION.generation]!,
      operation: request[SUBMISSION.operation]!,
      tag: request[SUBMISSION.tag]!,
      sequence: request[SUBMISSION.sequence]!,
      length: 0,
      outcome: 0,
    };
    const words = Array<number>(DESCRIPTOR_WORDS).fill(0);
    for (const [name, value] of Object.entries({ ...truth, ...lies }))
      words[COMPLETION[name as keyof typeof COMPLETION]] = value;
    publish(DRIVER_WORDS.completionHead, layout.driver.completions, words);
  },

  emit(event: number, generation: number, data: readonly number[] = []): void {
    const words = Array<number>(DESCRIPTOR_WORDS).fill(0);
    words[EVENT.generation] = generation;
    words[EVENT.event] = event;
    for (const [index, value] of data.entries()) words[INLINE_WORD + index] = value;
    publish(DRIVER_WORDS.eventHead, layout.driver.events, words);
  },

  /** The client's doorbell: the last pipe that it can only write to. Its answer is the number of bytes that went in. */
  ring(): number {
    const bell = descriptorWhere((fd) => {
      const flags = call("fcntl", fd, F_GETFL);
      return flags >= 0 && (flags & O_ACCMODE) === O_WRONLY;
    });
    return call("write", bell, new Uint8Array(1), 1);
  },
};
