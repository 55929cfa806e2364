// Runs in: browser. Owns: nothing; a device's drivers one after the other, made of what it has gone through. Pure.
import type { Passage } from "@ring3/control/observation";

export interface Life {
  readonly incarnation: number;
  readonly passages: readonly Passage[];
  /** When it began to serve, and when it stopped doing so. */
  readonly servedMs: number | undefined;
  readonly endedMs: number | undefined;
  readonly why: string;
  /** Since the last one that served: for so long nobody answered. */
  readonly gap: Gap | undefined;
}

export interface Gap {
  readonly ms: number;
  /** A person had stopped it: what programs asked failed, and was not kept. */
  readonly isStop: boolean;
}

export const isDown = ({ state }: Passage) =>
  state !== "running" && state !== "starting" && state !== "suspended";

/** One a driver, oldest first. After an unplugging incarnations count from 1 again. */
export function livesOf(passages: readonly Passage[]): Life[] {
  /** Since then nobody answers. */
  let down: Passage | undefined;
  return startsOf(passages)
    .filter(([first]) => first!.incarnation > 0)
    .map((passages) => {
      const begun = passages.find(({ state }) => state === "running");
      const ended = passages.find(isDown);
      const cause = causeOf(passages);
      const gap = begun && down && gapBetween(down, begun);
      if (begun !== undefined) down = ended;
      return {
        incarnation: passages[0]!.incarnation,
        passages,
        servedMs: begun?.timeMs,
        endedMs: ended?.timeMs,
        why: cause === undefined ? "" : `${cause.state}${cause.reason === "" ? "" : `: ${cause.reason}`}`,
        gap,
      };
    });
}

/** A start is one also where its number was another's before: the device was unplugged and plugged in. */
function startsOf(passages: readonly Passage[]): Passage[][] {
  const starts: Passage[][] = [];
  let before: Passage | undefined;
  for (const passage of passages) {
    const isAnother = passage.state === "starting" && before?.state !== "starting";
    if (isAnother || passage.incarnation !== before?.incarnation) starts.push([]);
    before = passage;
    starts.at(-1)!.push(passage);
  }
  return starts;
}

/** What ended it. A driver whose device is pulled out from under it notices that first, and ring3 a moment later. */
function causeOf(passages: readonly Passage[]): Passage | undefined {
  const at = passages.findIndex(isDown);
  const [end, next] = passages.slice(at < 0 ? passages.length : at);
  return end?.state === "failed" && end.reason.startsWith("grant:") && next?.state === "gone" ? next : end;
}

const gapBetween = (end: Passage, begun: Passage): Gap => ({
  ms: Math.max(0, begun.timeMs - end.timeMs),
  isStop: end.state === "stopped" && !end.reason.startsWith("restarted"),
});
