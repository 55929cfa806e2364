// Runs in: tests of the fuzzer. A parser with a mistake: a length is believed.
import { bytesOf, type Target } from "../target.ts";

export default {
  what: "a length and as many bytes",
  seeds: [bytesOf("\x03abc")],
  run(input) {
    const text = Array.from({ length: input[0] ?? 0 }, (_, index) => input[index + 1]!.toString(16));
    return text.length > 0;
  },
} satisfies Target;
