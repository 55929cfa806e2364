// Runs in: node --test. Owns: a simulated pad as a process, which its class's suite is run on.
import { gamepadConformance } from "@ring3/classes/gamepad/conformance";
import { nearUnit, padHands, simulatePad } from "@ring3/sdk/test/simulated-input";
import driver from "./driver.ts";

/** By their numbers, from BTN_GAMEPAD on (linux/input-event-codes.h). */
const numbered = [
  ...["south", "east", "c", "north", "west", "z", "leftShoulder", "rightShoulder"],
  ...["leftTrigger", "rightTrigger", "select", "start"],
];
const names = Object.fromEntries(numbered.map((button, at) => [button, `button-${at + 1}`]));

gamepadConformance("simulated pad that describes itself", async () => {
  const sim = await simulatePad("generic");
  return { ...(await nearUnit(sim, driver)), hands: padHands(sim, names) };
});
