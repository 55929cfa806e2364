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

/** Where the words of a control page lie that mean something: its counters, and the first entries of its rings. */
export interface Places {
  readonly counters: readonly number[];
  readonly rings: readonly { readonly first: number; readonly count: number }[];
}

/** Of each ring so many entries are in an input. */
const ENTRIES_MAX = 8;
const ringAt = ({ entries, size }: Ring) => ({ first: entries, count: Math.min(size, ENTRIES_MAX) });

export const clientPlaces = ({ client }: ChannelLayout): Places => ({
  counters: Object.values(CLIENT_WORDS),
  rings: [ringAt(client.submissions)],
});
export const driverPlaces = ({ driver }: ChannelLayout): Places => ({
  counters: Object.values(DRIVER_WORDS),
  rings: [ringAt(driver.completions), ringAt(driver.events)],
});

const wordsOf = ({ counters, rings }: Places): number[] => [
  ...counters,
  ...rings.flatMap(({ first, count }) =>
    Array.from({ length: count * DESCRIPTOR_WORDS }, (_, index) => first + index),
  ),
];

/** An input has nothing but the words that count, one behind the other: changes are to hit them. */
function packed(page: Uint32Array, places: Places): Uint8Array {
  return new Uint8Array(Uint32Array.from(wordsOf(places), (at) => page[at]!).buffer);
}

/** The other way round, into a page. */
export function unpack(input: Uint8Array, places: Places, page: Uint32Array): void {
  page.fill(0);
  const words = new Uint32Array(input.slice(0, input.length - (input.length % 4)).buffer);
  for (const [index, at] of wordsOf(places).entries()) page[at] = words[index] ?? 0;
}

function ring(page: Uint32Array, headWord: number, { entries }: Ring, content: readonly Entry[]): void {
  page[headWord] = content.length;
  for (const [index, entry] of content.entries())
    for (const [word, value] of Object.entries(entry))
      page[entries + index * DESCRIPTOR_WORDS + Number(word)] = value;
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

export function submissionsOf(layout: ChannelLayout): Uint8Array[] {
  const page = (...entries: Entry[]) => {
    const words = new Uint32Array(layout.client.dataOffset / 4);
    ring(words, CLIENT_WORDS.submissionHead, layout.client.submissions, entries);
    return packed(words, clientPlaces(layout));
  };
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
export function completionsOf(layout: ChannelLayout): Uint8Array[] {
  const page = (answers: Entry[], events: Entry[]) => {
    const words = new Uint32Array(layout.driver.dataOffset / 4);
    ring(words, DRIVER_WORDS.completionHead, layout.driver.completions, answers);
    ring(words, DRIVER_WORDS.eventHead, layout.driver.events, events);
    return packed(words, driverPlaces(layout));
  };
  return [
    page([completion(add.nr, 0, 0)], []),
    page([completion(add.nr, 0, 0), completion(read.nr, 1, 512)], [event(state.nr)]),
    page([completion(read.nr, 1, 0, (5 << 16) | 3)], [event(click.nr), event(click.nr)]),
  ];
}
