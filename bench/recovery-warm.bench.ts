// Runs in: benchmarks.
import type { Benchmark } from "./main.ts";
import { recovery } from "./recovery.ts";

export default {
  what: "a read over its driver's death, warm, against node -e 0",
  unit: "ms",
  goal: "<= 0.5",
  run: () => recovery(1),
} satisfies Benchmark;
