// Runs in: benchmarks.
import type { Benchmark } from "./benchmark.ts";
import { ROUNDS, recovery } from "./recovery.ts";

export default {
  what: "a read over its driver's death, warm, against node -e 0",
  unit: "ms",
  settings: [{ pinned: null, goal: "<= 0.5" }],
  rounds: ROUNDS,
  run: () => recovery(1),
} satisfies Benchmark;
