// Runs in: driver host, jailed, while it waits for a device. Owns: a DualSense that nobody holds, for the driver to run on.
import { playstation } from "@ring3/sdk";
import { dualSense } from "./kind.ts";
import { OUTPUT_BYTES } from "./output.ts";

export const rehearsal = playstation.rehearsalOf(dualSense, 0x0ce6, OUTPUT_BYTES, [
  { operation: "rumble", input: { strong: 1, weak: 1, durationMs: 1000 }, bytes: 0 },
  { operation: "light", input: { red: 1, green: 2, blue: 3 }, bytes: 0 },
  { operation: "player", input: { number: 1 }, bytes: 0 },
  {
    operation: "triggerEffect",
    input: { side: 0, mode: 1, parameters: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
    bytes: 0,
  },
]);
