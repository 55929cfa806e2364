// Runs in: benchmarks. What an idle driver host holds for itself alone, with another one running beside it.
import type { Benchmark, Round } from "./benchmark.ts";
import { idle } from "./idle.ts";
import { privateMb } from "./memory.ts";

const GOAL_MB = 15;

/** Of hosts. */
const ROUNDS = 2;

async function* run(): AsyncIterable<Round> {
  await using ring3 = await idle(ROUNDS);
  for (const host of ring3.hosts) yield { ours: privateMb(host), peer: GOAL_MB };
}

export default {
  what: `private memory of an idle host, against the ${GOAL_MB} MB that it may have`,
  unit: "MB",
  settings: [{ pinned: null, goal: "<= 1" }],
  rounds: ROUNDS,
  run,
} satisfies Benchmark;
