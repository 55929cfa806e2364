// Runs in: CLI. Owns: nothing.
import type { Command } from "../command.ts";
import { explanationText } from "../text.ts";

export default {
  summary: "says why a device has this driver, who has its node, what is missing, what to do",
  usage: "DEVICE",
  options: {},
  words: [1, 1],
  details: `It also says what the driver has in hand, and how it came to run: each step since the last driver's end, or since it was asked for, with the time since then.
With --json: "inFlight": [{"operation", "client", "ageMs", "bytes"}], "steps": [{"step", "sinceMs", "timeMs", "incarnation", "detail", "requests"}], and all else that is shown.`,
  async run(ring3, { words }) {
    const manager = ring3.connect();
    try {
      const explanation = await manager.ask("explain", { device: words[0]! });
      ring3.show(
        explanation,
        explanationText(explanation, ring3.width, (colour, text) => ring3.paint(colour, text)),
      );
    } finally {
      manager.disconnect();
    }
  },
} satisfies Command;
