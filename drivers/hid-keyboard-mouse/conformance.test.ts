// Runs in: node --test. Owns: simulated keyboards and mice as processes, which their class's suite is run on.
import { inputConformance } from "@ring3/classes/input/conformance";
import {
  keyboardKeys,
  keyHands,
  mouseButtons,
  nearUnit,
  simulateKeyboard,
} from "@ring3/sdk/test/simulated-input";
import driver from "./driver.ts";

for (const [model, interfaceNumber, keys] of [
  ["keyboard", 0, keyboardKeys],
  ["nkro", 1, keyboardKeys],
  ["mouse", 0, mouseButtons],
] as const)
  inputConformance(`simulated ${model}`, async () => {
    const sim = await simulateKeyboard(model);
    return { ...(await nearUnit(sim, driver, interfaceNumber)), hands: keyHands(sim, keys) };
  });
