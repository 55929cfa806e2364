// Runs in: node --test. Owns: a simulated controller as a process, which its class's suite is run on.
import { gamepadConformance } from "@ring3/classes/gamepad/conformance";
import { nearUnit, padHands, simulatePad } from "@ring3/sdk/test/simulated-input";
import driver from "./driver.ts";

gamepadConformance("simulated Switch Pro Controller", async () => {
  const sim = await simulatePad("switch-pro");
  const hands = padHands(sim, { z: "capture" }); // as Linux's hid-nintendo has it
  return { ...(await nearUnit(sim, driver)), hands };
});
