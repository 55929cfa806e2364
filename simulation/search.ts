// Runs in: make simulate and tests. Owns: the search for one planted mistake.
import { availableParallelism } from "node:os";
import { bundle } from "./bundle.ts";
import type { Violation } from "./machine.ts";
import type { Mutant } from "./mutants.ts";
import { runSeeds } from "./run.ts";

/** "Found within a minute." */
const WITHIN_MS = 60_000;

export interface Search {
  readonly seeds: number;
  readonly seed: number | undefined;
  readonly violation: Violation | undefined;
}

/** Tries seeds from the first one on until one breaks an invariant, or until the time is over. */
export async function findMutant(mutant: Mutant, withinMs = WITHIN_MS): Promise<Search> {
  const until = performance.now() + withinMs;
  let seeds = 0;
  let found: { seed: number; violation: Violation } | undefined;
  await runSeeds({
    bundle: await bundle(mutant),
    workers: availableParallelism(),
    next: () => (found === undefined && performance.now() < until ? ++seeds : undefined),
    result({ seed, violations: [violation] }) {
      if (violation !== undefined) found ??= { seed, violation };
    },
  });
  return { seeds, seed: found?.seed, violation: found?.violation };
}
