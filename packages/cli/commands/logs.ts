// Runs in: CLI. Owns: nothing.
import { once } from "node:events";
import { sentence } from "@ring3/control/sentence";
import type { LogEntry } from "@ring3/core/log";
import type { Command } from "../command.ts";
import { LogTail } from "../log-tail.ts";
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
    const tail = new LogTail(words[0] ?? null, print);
    const manager = ring3.connect({ log: tail.heard });
    try {
      await tail.read(manager.ask, follow);
      if (follow) manager.onResumed = (ask) => tail.read(ask, follow);
      if (!follow) return;
      if (!manager.signal.aborted) await once(manager.signal, "abort");
      throw sentence("disconnected", `follow the log: ring3 in ${ring3.directory} ended`);
    } finally {
      manager.disconnect();
    }
  },
} satisfies Command;
