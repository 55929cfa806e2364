// Runs in: CLI. Owns: nothing.
import type { Command } from "../command.ts";
import { transition } from "../transition.ts";

export default {
  summary: "stops a device's driver; the kernel's driver gets the device back",
  usage: "DEVICE",
  options: {},
  words: [1, 1],
  run: (ring3, { words }) => transition(ring3, "stop", words[0]!),
} satisfies Command;
