// Runs in: driver host, as the driver of `ring3 torture`. Owns: nothing. Lies in the words of its channel. The client has to find each out, and
// says so to the manager: what is forged here never becomes an answer.
import { DRIVER_WORDS, SUBMISSION } from "@ring3/channel/layout";
import { integer } from "@ring3/core/chance";
import { block } from "@ring3/sdk";
import { channel, layout } from "../escape/channel.ts";
import { type Fault, type Faults, type Inside, pause } from "./fault.ts";

const LOOKED_AT_MS = 200;

/** `lie`, and a ring of the client's bell, so that it looks before the host's own next word takes the lie's place; its last is out by then. */
const lying =
  (lie: (inside: Inside) => unknown): Fault =>
  async (inside) => {
    await pause(0);
    lie(inside);
    channel.ring();
    await pause(LOOKED_AT_MS);
  };
const counter = (name: keyof typeof DRIVER_WORDS, by: number) =>
  lying(() => Atomics.add(channel.own(), DRIVER_WORDS[name], by));

/** Any number, and often one that means something. */
function garbage(random: () => number): number {
  const chance = random();
  if (chance < 0.3) return integer(random, 12);
  return chance < 0.4 ? 0xffffffff : integer(random, 2 ** 32);
}

const WORDS = layout.driver.dataOffset / 4;
const ALL = Array.from({ length: WORDS }, (_, word) => word);
/** Those that mean something: the counters and both rings. */
const { completions, events } = layout.driver;
const MEANT = ALL.filter(
  (word) => Object.values(DRIVER_WORDS).includes(word as 16) || word >= completions.entries,
);

export const rings: Faults = {
  "garbage-in-rings": lying(({ random }) => {
    const own = channel.own();
    for (const word of ALL) own[word] = garbage(random);
  }),
  "garbage-in-a-word": lying(({ random }) => {
    channel.own()[MEANT[integer(random, MEANT.length)]!] = garbage(random);
  }),
  "garbage-in-a-counter": lying(({ random }) => {
    const counters = Object.values(DRIVER_WORDS);
    channel.own()[counters[integer(random, counters.length)]!] = garbage(random);
  }),
  "completions-beyond-the-ring": counter("completionHead", completions.size + 1),
  "completions-backwards": counter("completionHead", -1),
  "completions-never-written": counter("completionHead", 3),
  "events-beyond-the-ring": counter("eventHead", events.size + 1),
  "events-never-written": counter("eventHead", 3),
  "submissions-never-sent": counter("submissionTail", 0x7fffffff),
  "reply-of-another-generation": lying(() => channel.complete({ generation: 77 })),
  "reply-of-another-operation": lying(() => channel.complete({ operation: block.operations.discard.nr })),
  "reply-of-no-operation": lying(() => channel.complete({ operation: 200 })),
  "reply-for-others": lying(({ random }) => {
    const own = channel.request()[SUBMISSION.tag]!;
    channel.complete({ tag: (own + 1 + integer(random, 3)) % block.slots });
  }),
  "reply-for-nobody": lying(() => channel.complete({ tag: 4096 })),
  "reply-of-an-old-sequence": lying(() => channel.complete({ sequence: 0xfffffff0 })),
  "reply-beyond-its-slot": lying(() => channel.complete({ length: block.slotBytes + 1 })),
  "reply-of-4-gib": lying(() => channel.complete({ length: 0xffffffff })),
  "reply-of-unknown-outcome": lying(() => channel.complete({ outcome: 999 })),
  "unknown-event": lying(({ ctx }) => channel.emit(200, ctx.incarnation)),
  "event-of-another-generation": lying(() => channel.emit(block.events.powerLost.nr, 77)),
  "event-beyond-2-53": lying(({ ctx }) =>
    channel.emit(block.events.mediumChanged.nr, ctx.incarnation, [0xffffffff, 0xffffffff, 512, 16]),
  ),
  "doorbell-flood": () =>
    void setInterval(() => {
      for (let ring = 0; ring < 256 && channel.ring() > 0; ring++); // and the event loop turns: not for its hang is it to be ended
    }, 0),
};
