// Runs in: the simulation. Owns: nothing. What the two sides of a channel may write into it that they must not.

import {
  CLIENT_WORDS,
  COMPLETION,
  DESCRIPTOR_WORDS,
  DRIVER_WORDS,
  EVENT,
  layoutOf,
} from "@ring3/channel/layout";
import { block } from "@ring3/classes/block/contract";
import { deviceErrorKinds } from "@ring3/core/errors";
import { type Fault, host, pick } from "./fault.ts";
import type { Process } from "./kernel/process.ts";
import type { Machine } from "./machine.ts";

const { client, driver } = layoutOf(block);
const KNOWN_KINDS = deviceErrorKinds.length;

/** The memory in which a driver that lives answers. */
function driverMemory(machine: Machine): { words: Uint32Array; owner: Process } | undefined {
  const owner = host(machine);
  const memory = pick(
    machine,
    [...(owner?.writes ?? [])].filter(({ name }) => name === "ring3-driver"),
  );
  const control = memory?.control[0];
  return owner === undefined || control === undefined
    ? undefined
    : { words: new Uint32Array(control), owner };
}

function corrupt(change: (machine: Machine, words: Uint32Array) => void, may = (_: Process) => true): Fault {
  return (machine) => {
    const found = driverMemory(machine);
    if (found === undefined || !may(found.owner)) return false;
    found.owner.faulted = true;
    change(machine, found.words);
    return true;
  };
}

const liars = new WeakSet<Process>();

/** Once a host: an answer that is given twice and then garbled, or the other way round, may become one that is due and was never given. */
function firstLie(host: Process): boolean {
  if (liars.has(host)) return false;
  liars.add(host);
  return true;
}

/** Another word, or one that is nearly the same. */
function garbled(machine: Machine, word: number): number {
  const { dice } = machine;
  return dice.chance(0.5)
    ? dice.roll()
    : dice.chance(0.5)
      ? word ^ (1 << dice.below(32))
      : word + 1 - 2 * dice.below(2);
}

const entry = (machine: Machine, ring: { entries: number; size: number }): number =>
  ring.entries + machine.dice.below(ring.size) * DESCRIPTOR_WORDS;

const newest = (words: Uint32Array, ring: { entries: number; size: number }, headWord: number): number =>
  ring.entries + ((words[headWord]! - 1) & (ring.size - 1)) * DESCRIPTOR_WORDS;

const counters = Object.values(DRIVER_WORDS);

/** Of a client that means harm: the newest request, perhaps once more, and a counter. */
export function garbleRings(machine: Machine, words: Uint32Array): void {
  const { dice } = machine;
  for (let count = 1 + dice.below(4); count > 0; count--) {
    const at = newest(words, client.submissions, CLIENT_WORDS.submissionHead) + dice.below(DESCRIPTOR_WORDS);
    words[at] = garbled(machine, words[at]!);
  }
  if (dice.chance(0.5)) words[CLIENT_WORDS.submissionHead]!--;
  if (dice.chance(0.3)) {
    const at = dice.pick(Object.values(CLIENT_WORDS));
    words[at] = garbled(machine, words[at]!);
  }
}
/** Not what a driver may say as it likes: an answer's outcome, length within its room, and struct are its word. */
const completionWords = [COMPLETION.generation, COMPLETION.operation, COMPLETION.tag, COMPLETION.sequence];

/** Each with how often it comes beside the other faults. */
export const ringFaults = {
  "counter garbled": {
    weight: 2,
    inject: corrupt((machine, words) => {
      const at = machine.dice.pick(counters);
      const [before, after] = [words[at]!, garbled(machine, words[at]!)];
      // An event that is withdrawn before it is read was never told, and what it tells of is the driver's word.
      const withdraws = at === DRIVER_WORDS.eventHead && (before - after) >>> 0 <= driver.events.size;
      words[at] = withdraws ? before + 1 : after;
    }),
  },
  "answer garbled": {
    weight: 3,
    inject: corrupt((machine, words) => {
      const newestAt = newest(words, driver.completions, DRIVER_WORDS.completionHead);
      const at =
        (machine.dice.chance(0.5) ? newestAt : entry(machine, driver.completions)) +
        machine.dice.pick(completionWords);
      words[at] = garbled(machine, words[at]!);
    }, firstLie),
  },
  "answer of an unknown kind": {
    weight: 1,
    inject: corrupt((machine, words) => {
      const at = newest(words, driver.completions, DRIVER_WORDS.completionHead);
      words[at + COMPLETION.outcome] = KNOWN_KINDS + 1 + machine.dice.below(60_000);
    }),
  },
  "answer longer than its room": {
    weight: 1,
    inject: corrupt((machine, words) => {
      const at = newest(words, driver.completions, DRIVER_WORDS.completionHead);
      words[at + COMPLETION.length] = 1 + block.slotBytes + machine.dice.below(2 ** 31);
    }),
  },
  "answer given twice": {
    weight: 3,
    inject: corrupt((_, words) => {
      const from = newest(words, driver.completions, DRIVER_WORDS.completionHead);
      words[DRIVER_WORDS.completionHead]!++;
      const to = newest(words, driver.completions, DRIVER_WORDS.completionHead);
      words.copyWithin(to, from, from + DESCRIPTOR_WORDS);
    }, firstLie),
  },
  "answer withdrawn": {
    weight: 2,
    inject: corrupt((_, words) => {
      words[DRIVER_WORDS.completionHead]!--;
    }),
  },
  "event garbled": {
    weight: 1,
    inject: corrupt((machine, words) => {
      const at =
        newest(words, driver.events, DRIVER_WORDS.eventHead) +
        machine.dice.pick([EVENT.generation, EVENT.event]);
      words[at] = garbled(machine, words[at]!) | 0x100; // not a number that an event has
      words[DRIVER_WORDS.eventHead]!++;
    }),
  },
} satisfies Record<string, { weight: number; inject: Fault }>;
