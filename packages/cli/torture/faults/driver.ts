// Runs in: CLI. Owns: nothing. Faults inside the driver's process, which packages/host/torture has by the same names: its code, its memory, its answers.
import type { Fault, Scene } from "../fault.ts";

const ordered = (group: string, name: string, cards: number, more: Partial<Fault> = {}): Fault => ({
  name,
  group,
  cards,
  arm: (scene: Scene) => scene.order(name),
  ...more,
});
const crash = { ends: ["crash"] } as const;
const hang = { ends: ["hang"] } as const;
const either = { ends: ["crash", "hang"] } as const;
const failing = { mayFail: ["internal"] } as const;

export const driverFaults: readonly Fault[] = [
  ordered("code", "throw", 60, failing),
  ordered("code", "throw-text", 30, failing),
  ordered("code", "reject", 50, failing),
  ordered("code", "stack-overflow", 40, failing),
  ordered("code", "stall-under", 30),
  ordered("code", "throw-later", 4, crash),
  ordered("code", "reject-later", 4, crash),
  ordered("code", "exit", 5, crash),
  ordered("code", "abort", 3, crash),
  ordered("code", "segfault", 3, crash),
  ordered("code", "stack-overflow-later", 2, crash),
  ordered("code", "endless-loop", 2, hang),
  ordered("code", "endless-loop-later", 1, hang),
  ordered("code", "endless-microtasks", 1, either),
  ordered("code", "stall-over", 2, hang),

  ordered("memory", "out-of-memory", 1, { ...either, ...failing }),
  ordered("memory", "out-of-heap", 1, { ...either, ...failing }),
  ordered("memory", "leak-memory", 1, either),
  ordered("memory", "leak-descriptors", 10),
  ordered("memory", "garbage-heartbeat", 25),
  ordered("memory", "stopped-heartbeat", 1, hang),
  ordered("memory", "garbage-state", 2, crash),

  ordered("replies", "reply-late", 10, {
    doors: ["application"],
    deadline: true,
    mayFail: ["timeout"],
    ends: ["hang", "maybe"],
  }),
  ordered("replies", "reply-never", 2, {
    doors: ["application"],
    deadline: true,
    mayFail: ["timeout"],
    ...hang,
  }),
  ordered("replies", "reply-too-long", 50, failing),
  ordered("replies", "reply-too-short", 50, { mayFail: ["short"] }),
  ordered("replies", "reply-of-no-length", 40, failing),
  ordered("replies", "told-power-loss", 20, { tellsOfLoss: true }),
];
