// Runs in: browser. Owns: nothing; the steps of a device as recoveries, each from a driver's end, or from a first start, to the next driver; and its rests. Pure.
import type { Step } from "@ring3/control/observation";
import { beginsSteps, type StepName } from "@ring3/core/steps";
import type { Life } from "./lives.ts";

/** Oldest first. Of the first one the beginning may not be known any more. */
export function recoveriesOf(steps: readonly Step[]): Step[][] {
  const recoveries: Step[][] = [];
  for (const step of steps) {
    if (beginsSteps(step) || recoveries.length === 0) recoveries.push([]);
    recoveries.at(-1)!.push(step);
  }
  return recoveries;
}

/** Of each life that which led to it, and that of its end where none followed: incarnations count anew after an unplugging, times do not. */
export function recoveriesByLife(lives: readonly Life[], steps: readonly Step[]): Map<Life, Step[][]> {
  const byLife = new Map<Life, Step[][]>();
  for (const recovery of recoveriesOf(steps)) {
    const { timeMs } = recovery.at(-1)!;
    const life = lives.findLast(({ passages }) => passages[0]!.timeMs <= timeMs);
    if (life !== undefined) byLife.set(life, [...(byLife.get(life) ?? []), recovery]);
  }
  return byLife;
}

const words: Readonly<Record<StepName, string>> = {
  failed: "Its driver failed",
  ended: "Its driver was to end",
  asked: "A driver was asked for",
  killed: "The driver's sandbox was killed",
  fenced: "Nothing of it lives: proven",
  stuck: "It does not end, though it was killed",
  "back-off": "The next start waits",
  spare: "A waiting spare was taken",
  expected: "No spare waited; one that was being started since the end was taken",
  cold: "No spare waited: one was started cold",
  seat: "It got a seat in a process of other drivers",
  opened: "The device was opened",
  probed: "The driver has probed it",
  running: "Running",
  replayed: "Replayed",
  suspending: "Its driver is asked to rest; what is asked meanwhile waits",
  suspended: "It rests",
  resuming: "Its driver is asked to work again",
  resumed: "It works again",
  refused: "It does not rest, and works on",
};

export function stepText({ step, requests, detail }: Step): string {
  if (requests === null) return detail === "" ? words[step] : `${words[step]}: ${detail}`;
  return `${words[step]} ${requests} ${requests === 1 ? "request" : "requests"} of ${detail}`;
}

/** "0 ms", "3.2 ms", "48 ms", "2.1 s" */
export const sinceText = (ms: number): string =>
  ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
