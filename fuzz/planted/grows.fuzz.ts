// Runs in: tests of the fuzzer. A parser with a mistake: a count is believed, and room made for it.
import type { Target } from "../target.ts";

export default {
  what: "a count",
  seeds: [Uint8Array.of(0, 0, 0, 1)],
  run(input) {
    if (input.length < 4) return false;
    const count = new DataView(input.buffer, input.byteOffset, input.length).getUint32(0);
    const entries: object[] = [];
    while (entries.length < count) entries.push({ entry: entries.length });
    return true;
  },
} satisfies Target;
