// Runs in: node --test. Owns: a simulated mouse as a process, which its class's suite is run on.
import { inputConformance } from "@ring3/classes/input/conformance";
import { keyHands, nearUnit, simulateKeyboard } from "@ring3/sdk/test/simulated-input";
import driver from "./driver.ts";

inputConformance("simulated mouse's interface that speaks HID++, without keys", async () => {
  const sim = await simulateKeyboard("hidpp");
  return { ...(await nearUnit(sim, driver, 1)), hands: keyHands(sim, []) };
});
