// Runs in: benchmarks.
import type { Benchmark } from "./benchmark.ts";
import { ROUNDS, recovery } from "./recovery.ts";

export default {
  what: "a read over its driver's death, cold, against node -e 0",
  unit: "ms",
  settings: [{ pinned: null, goal: "<= 2" }],
  rounds: ROUNDS,
  run: () => recovery(0),
} satisfies Benchmark;
