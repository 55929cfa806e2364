// Runs in: fuzzing. Owns: nothing. The control pages of channels as a well-behaved peer would have written them.
import {
  CANCEL,
  type ChannelLayout,
  CLIENT_WORDS,
  COMPLETION,
  DESCRIPTOR_WORDS,
  DRIVER_WORDS,
  EVENT,
  INLINE_WORD,
  type Ring,
  SUBMISSION,
} from "../packages/channel/layout.ts";
import { echo, GENERATION } from "./echo-contract.ts";

const { add, read, write } = echo.operations;
const { state, click } = echo.events;

type Entry = Readonly<Record<number, number>>;

class Page {
  readonly words: Uint32Array;

  constructor(bytes: number) {
    this.words = new Uint32Array(bytes / 4);
  }

  ring(headWord: number, ring: Ring, entries: readonly Entry[]): this {
    this.words[headWord] = entries.length;
    for (const [index, entry] of entries.entries())
      for (const [word, value] of Object.entries(entry))
        this.words[ring.entries + index * DESCRIPTOR_WORDS + Number(word)] = value;
    return this;
  }

  /** Up to the last word that is not zero: changes are to hit what counts. */
  get bytes(): Uint8Array {
    const end = this.words.findLastIndex((word) => word !== 0) + 1;
    return new Uint8Array(this.words.buffer, 0, end * 4).slice();
  }
}

const submission = (operation: number, tag: number, length = 0): Entry => ({
  [SUBMISSION.generation]: GENERATION,
  [SUBMISSION.operation]: operation,
  [SUBMISSION.tag]: tag,
  [SUBMISSION.sequence]: tag + 1,
  [SUBMISSION.length]: length,
  [SUBMISSION.deadlineMs]: 1000,
  [INLINE_WORD]: 1,
});

export function submissionsOf({ client }: ChannelLayout): Uint8Array[] {
  const page = (...entries: Entry[]) =>
    new Page(client.dataOffset).ring(CLIENT_WORDS.submissionHead, client.submissions, entries).bytes;
  return [
    page(submission(add.nr, 0)),
    page(submission(read.nr, 1, 512), submission(write.nr, 2, 4096), submission(add.nr, 3)),
    page(submission(write.nr, 0, 64), submission(CANCEL, 0)),
  ];
}

const completion = (operation: number, tag: number, length: number, outcome = 0): Entry => ({
  [COMPLETION.generation]: GENERATION,
  [COMPLETION.operation]: operation,
  [COMPLETION.tag]: tag,
  [COMPLETION.sequence]: tag + 1,
  [COMPLETION.length]: length,
  [COMPLETION.outcome]: outcome,
});
const event = (nr: number): Entry => ({
  [EVENT.generation]: GENERATION,
  [EVENT.event]: nr,
  [INLINE_WORD]: 5,
});

/** For requests "add" on slot 0 and "read" of 512 bytes on slot 1. */
export function completionsOf({ driver }: ChannelLayout): Uint8Array[] {
  const page = (answers: Entry[], events: Entry[]) =>
    new Page(driver.dataOffset)
      .ring(DRIVER_WORDS.completionHead, driver.completions, answers)
      .ring(DRIVER_WORDS.eventHead, driver.events, events).bytes;
  return [
    page([completion(add.nr, 0, 0)], []),
    page([completion(add.nr, 0, 0), completion(read.nr, 1, 512)], [event(state.nr)]),
    page([completion(read.nr, 1, 0, (5 << 16) | 3)], [event(click.nr), event(click.nr)]),
  ];
}
