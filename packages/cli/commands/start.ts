// Runs in: CLI. Owns: nothing.
import type { Command } from "../command.ts";
import { transition } from "../transition.ts";

export default {
  summary: "starts a device's driver; with --take, takes the device from the kernel's driver",
  usage: "[--take] DEVICE",
  options: {
    take: {
      type: "boolean",
      help: "away from the kernel's driver; refused while it is mounted or otherwise in use",
    },
  },
  words: [1, 1],
  run: (ring3, { values, words }) => transition(ring3, "start", words[0]!, values.take === true),
} satisfies Command;
