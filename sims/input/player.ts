// Runs in: a sim of an input device. Owns: the time between the steps of a script.
import type { Step } from "./script.ts";

export interface Stage<State> {
  /** Does one step to the device. */
  act(change: (state: State) => void): void;
  /** Resolves after that time; rejects when the play is over. */
  sleep(ms: number): Promise<void>;
}

/** Steps are due at times counted from the start, so that a late one does not delay all behind it. */
export async function play<State>(
  steps: readonly Step<State>[],
  stage: Stage<State>,
  now: () => number,
  due = { at: now() },
): Promise<void> {
  for (const step of steps) {
    switch (step.kind) {
      case "do":
        stage.act(step.act);
        break;
      case "wait":
        due.at += step.ms;
        await stage.sleep(Math.max(0, due.at - now()));
        break;
      case "repeat":
        for (let round = 0; round < step.times; round++) {
          await play(step.steps, stage, now, due);
          if (round % ROUNDS_A_TURN === ROUNDS_A_TURN - 1) await stage.sleep(0);
        }
    }
  }
}

const ROUNDS_A_TURN = 1000; // a repeat that never waits lets the bus have its turn
