// Runs in: CLI. Owns: nothing.
import type { Command } from "../command.ts";
import { transition } from "../transition.ts";

export default {
  summary: "starts a device's driver anew; requests wait for it; releases it from quarantine",
  usage: "DEVICE",
  options: {},
  words: [1, 1],
  run: (ring3, { words }) => transition(ring3, "restart", words[0]!),
} satisfies Command;
