// Runs in: CLI. Owns: nothing.
import type { Command } from "../command.ts";
import { transition } from "../transition.ts";

export default {
  summary: "suspends a device: requests wait until it is resumed",
  usage: "DEVICE",
  options: {},
  words: [1, 1],
  run: (ring3, { words }) => transition(ring3, "suspend", words[0]!),
} satisfies Command;
