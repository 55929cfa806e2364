// Runs in: make simulate and tests. Owns: the search for one planted mistake.
import { availableParallelism } from "node:os";
import { type Bundle, bundle } from "./bundle.ts";
import type { Violation } from "./machine.ts";
import type { Mutant } from "./mutants.ts";
import { runSeeds } from "./run.ts";
import type { Result } from "./world.ts";

/** "Found within a minute." */
const WITHIN_MS = 60_000;

export interface Search {
  readonly seeds: number;
  readonly seed: number | undefined;
  readonly violation: Violation | undefined;
}

/** Tries seeds from the first one on until one breaks an invariant that holds without the mistake, or until the time is over. */
export async function findMutant(mutant: Mutant, withinMs = WITHIN_MS): Promise<Search> {
  const until = performance.now() + withinMs;
  const [planted, sound] = await Promise.all([bundle(mutant), bundle()]);
  let seeds = 0;
  for (;;) {
    let found: { seed: number; violation: Violation } | undefined;
    await runSeeds({
      bundle: planted,
      workers: availableParallelism(),
      next: () => (found === undefined && performance.now() < until ? ++seeds : undefined),
      result({ seed, violations: [violation] }) {
        if (violation !== undefined) found ??= { seed, violation };
      },
    });
    if (found === undefined) return { seeds, seed: undefined, violation: undefined };
    if (await holds(sound, found.seed)) return { seeds, ...found };
  }
}

async function holds(sound: Bundle, seed: number): Promise<boolean> {
  const left = [seed];
  let broken = 0;
  const result = ({ violations }: Result) => {
    broken = violations.length;
  };
  await runSeeds({ bundle: sound, workers: 1, next: () => left.shift(), result });
  return broken === 0;
}
