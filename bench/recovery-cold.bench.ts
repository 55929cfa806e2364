// Runs in: benchmarks.
import type { Benchmark } from "./main.ts";
import { recovery } from "./recovery.ts";

export default {
  what: "a read over its driver's death, cold, against node -e 0",
  unit: "ms",
  goal: "<= 2",
  run: () => recovery(0),
} satisfies Benchmark;
