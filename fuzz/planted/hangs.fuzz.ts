// Runs in: tests of the fuzzer. A parser with a mistake: an entry of length 0 is never left behind.
import type { Target } from "../target.ts";

export default {
  what: "entries that begin with their length",
  seeds: [Uint8Array.of(2, 7, 3, 7, 7)],
  run(input) {
    for (let at = 0; at < input.length; ) at += input[at]!;
    return true;
  },
} satisfies Target;
