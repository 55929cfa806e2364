// Runs in: CLI. Owns: nothing.
import { once } from "node:events";
import { sentence } from "@ring3/control/sentence";
import type { LogEntry } from "@ring3/core/log";
import type { Command } from "../command.ts";
import { logText } from "../text.ts";

export default {
  summary: "prints what happened, one line an entry",
  usage: "[DEVICE] [--follow]",
  options: { follow: { type: "boolean", short: "f", help: "goes on with what happens from now on" } },
  words: [0, 1],
  async run(ring3, { values, words }) {
    const follow = values.follow === true;
    const print = (entry: LogEntry) =>
      ring3.show(
        entry,
        logText(entry, (colour, text) => ring3.paint(colour, text)),
      );
    // Entries that come before the older ones have been printed wait for them.
    let early: LogEntry[] | undefined = [];
    const manager = ring3.connect({
      log: (entry) => (early === undefined ? print(entry) : early.push(entry)),
    });
    const device = words[0] ?? null;
    try {
      const { entries } = await manager.ask("logs", { device, follow });
      // What the log had before was printed; the next manager has to be asked only for what comes.
      if (follow) manager.onResumed = async (ask) => void (await ask("logs", { device, follow }));
      for (const entry of [...entries, ...early]) print(entry);
      early = undefined;
      if (!follow) return;
      if (!manager.signal.aborted) await once(manager.signal, "abort");
      throw sentence("disconnected", `follow the log: ring3 in ${ring3.directory} ended`);
    } finally {
      manager.disconnect();
    }
  },
} satisfies Command;
