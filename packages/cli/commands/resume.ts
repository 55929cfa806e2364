// Runs in: CLI. Owns: nothing.
import type { Command } from "../command.ts";
import { transition } from "../transition.ts";

export default {
  summary: "resumes a suspended device",
  usage: "DEVICE",
  options: {},
  words: [1, 1],
  run: (ring3, { words }) => transition(ring3, "resume", words[0]!),
} satisfies Command;
