// Runs in: node --test. Owns: a simulated controller as a process, which its class's suite is run on.
import { gamepadConformance } from "@ring3/classes/gamepad/conformance";
import { nearUnit, padHands, simulatePad } from "@ring3/sdk/test/simulated-input";
import driver from "./driver.ts";

gamepadConformance("simulated DualShock 4", async () => {
  const sim = await simulatePad("dualshock4");
  return { ...(await nearUnit(sim, driver, 3)), hands: padHands(sim) };
});
