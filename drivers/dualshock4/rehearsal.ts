// Runs in: driver host, jailed, while it waits for a device. Owns: a DualShock 4 that nobody holds, for the driver to run on.
import { playstation } from "@ring3/sdk";
import { dualShock4 } from "./kind.ts";
import { OUTPUT_BYTES } from "./output.ts";

export const rehearsal = playstation.rehearsalOf(dualShock4, 0x09cc, OUTPUT_BYTES, [
  { operation: "rumble", input: { strong: 1, weak: 1, durationMs: 1000 }, bytes: 0 },
  { operation: "light", input: { red: 1, green: 2, blue: 3 }, bytes: 0 },
  { operation: "player", input: { number: 1 }, bytes: 0 },
]);
