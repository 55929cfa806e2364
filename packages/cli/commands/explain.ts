// Runs in: CLI. Owns: nothing.
import type { Command } from "../command.ts";
import { explanationText } from "../text.ts";

export default {
  summary: "says why a device has this driver, who has its node, what is missing, what to do",
  usage: "DEVICE",
  options: {},
  words: [1, 1],
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
