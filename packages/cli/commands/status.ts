// Runs in: CLI. Owns: nothing.
import type { Command } from "../command.ts";
import { statusText } from "../text.ts";

export default {
  summary: "lists devices, their drivers, and where applications meet them",
  usage: "",
  options: {},
  words: [0, 0],
  async run(ring3) {
    const manager = ring3.connect();
    try {
      const status = await manager.ask("status", {});
      ring3.show(
        status,
        statusText(status, ring3.directory, ring3.width, (colour, text) => ring3.paint(colour, text)),
      );
    } finally {
      manager.disconnect();
    }
  },
} satisfies Command;
