// Runs in: CLI. Owns: nothing. Lies of the driver's process to its clients and to the manager, which packages/host/torture has by the same names.
import type { Fault, Scene } from "../fault.ts";

/** A lie that is found out. */
const lie = (group: string, name: string, cards: number, more: Partial<Fault> = {}): Fault => ({
  name,
  group,
  cards,
  arm: (scene: Scene) => scene.order(name),
  ends: ["crash"],
  ...more,
});

/** Where a bell is not rung for it, nobody answers; and whatever a word can say an answer may have been. */
const anything = {
  doors: ["application"],
  deadline: true,
  mayFail: [
    "timeout",
    "short",
    "internal",
    "io",
    "protocol",
    "stall",
    "cancelled",
    "medium",
    "denied",
    "invalid",
  ],
  ends: ["crash", "hang", "maybe"],
} as const;

const mayPass = { ends: ["crash", "maybe"] } as const;

export const ringFaults: readonly Fault[] = [
  lie("rings", "garbage-in-rings", 6),
  lie("rings", "garbage-in-a-word", 4, anything),
  lie("rings", "garbage-in-a-counter", 3, anything),
  lie("rings", "completions-beyond-the-ring", 2),
  lie("rings", "completions-backwards", 2, mayPass), // the last one may not have been taken yet
  lie("rings", "completions-never-written", 2),
  lie("rings", "events-beyond-the-ring", 2),
  lie("rings", "events-never-written", 2),
  lie("rings", "submissions-never-sent", 2, mayPass),
  lie("rings", "reply-of-another-generation", 2),
  lie("rings", "reply-of-another-operation", 2),
  lie("rings", "reply-of-no-operation", 2),
  lie("rings", "reply-for-others", 2),
  lie("rings", "reply-for-nobody", 2),
  lie("rings", "reply-of-an-old-sequence", 2),
  lie("rings", "reply-beyond-its-slot", 2),
  lie("rings", "reply-of-4-gib", 2),
  lie("rings", "reply-of-unknown-outcome", 2),
  lie("rings", "unknown-event", 2),
  lie("rings", "event-of-another-generation", 2),
  lie("rings", "event-beyond-2-53", 2),
  lie("rings", "doorbell-flood", 1),

  // A host that has outlived a manager has another connection by then.
  lie("control", "control-garbage", 1, mayPass),
  lie("control", "control-no-json", 1, mayPass),
  lie("control", "control-unknown-notice", 1, mayPass),
  lie("control", "control-prototype", 1, mayPass),
  lie("control", "control-unasked-answer", 1, mayPass),
  lie("control", "control-lacks-descriptors", 1, mayPass),
  lie("control", "control-question", 1, mayPass),
  lie("control", "control-closed", 1, mayPass),
];
