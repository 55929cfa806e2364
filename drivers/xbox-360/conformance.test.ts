// Runs in: node --test. Owns: simulated controllers as processes, which their class's suite is run on.
import { gamepadConformance } from "@ring3/classes/gamepad/conformance";
import { nearUnit, padHands, simulatePad } from "@ring3/sdk/test/simulated-input";
import driver from "./driver.ts";

for (const model of ["xbox-360", "xbox-one"])
  gamepadConformance(`simulated ${model}`, async () => {
    const sim = await simulatePad(model);
    const hands = padHands(sim, { north: "west", west: "north" }); // as Linux's xpad has them
    return { ...(await nearUnit(sim, driver)), hands };
  });
