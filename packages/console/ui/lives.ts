// Runs in: browser. Owns: nothing; a device's drivers one after the other, made of what it has gone through. Pure.
import type { Passage } from "@ring3/control/observation";

export interface Life {
  readonly incarnation: number;
  readonly passages: readonly Passage[];
  /** When it began to serve, and when it stopped doing so. */
  readonly servedMs: number | undefined;
  readonly endedMs: number | undefined;
  readonly why: string;
}

export const isDown = ({ state }: Passage) =>
  state !== "running" && state !== "starting" && state !== "suspended";

/** One a driver, oldest first. After an unplugging incarnations count from 1 again. */
export function livesOf(passages: readonly Passage[]): Life[] {
  const lives: Passage[][] = [];
  let before = 0;
  for (const passage of passages) {
    if (passage.incarnation !== before) lives.push([]);
    before = passage.incarnation;
    lives.at(-1)?.push(passage);
  }
  return lives
    .filter(([first]) => first!.incarnation > 0)
    .map((passages) => {
      const served = passages.find(({ state }) => state === "running");
      const ended = passages.find(isDown);
      const reason = ended === undefined || ended.reason === "" ? "" : `: ${ended.reason}`;
      return {
        incarnation: passages[0]!.incarnation,
        passages,
        servedMs: served?.timeMs,
        endedMs: ended?.timeMs,
        why: ended === undefined ? "" : `${ended.state}${reason}`,
      };
    });
}
