// Runs in: CLI. Owns: nothing.
import type { Command } from "../command.ts";
import { udevText } from "../udev-text.ts";

export default {
  summary: "prints the udev rules that this machine lacks for ring3's user",
  usage: "",
  options: {},
  words: [0, 0],
  details: `Compares what the drivers of all that is plugged in have to open with what ring3's user may open. What it prints can be put into the file that it names as it is; nothing is changed by it.
With --json: {"user","group","file","reload","lacking":[{"device","path","rule"}]}.`,
  async run(ring3) {
    const manager = ring3.connect();
    try {
      const rules = await manager.ask("udev", {});
      ring3.show(rules, udevText(rules));
    } finally {
      manager.disconnect();
    }
  },
} satisfies Command;
