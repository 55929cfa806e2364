// Runs in: tests. Owns: a ring3 for each placement, with a pad, a keyboard and a mouse. Their drivers, unchanged, pass the suites of their classes in
// each of them, as applications see it.
import assert from "node:assert/strict";
import { after } from "node:test";
import { gamepadConformance } from "@ring3/classes/gamepad/conformance";
import { inputConformance } from "@ring3/classes/input/conformance";
import { type ClientClass, connect, gamepadClass, inputClass } from "@ring3/client";
import type { Contract } from "@ring3/core/contract";
import {
  keyboardKeys,
  keyHands,
  mouseButtons,
  padHands,
  simulateKeyboard,
  simulatePad,
} from "@ring3/sdk/test/simulated-input";
import type { SimulatedUsb } from "@ring3/sdk/test/simulated-usb";
import { DriversLife } from "./drivers-life.fixture.ts";
import { RunningRing3 } from "./running-ring3.fixture.ts";

const drivers = ["dualsense", "hid-keyboard-mouse"];

/** The unit of an interface, far away: over its driver's rests and deaths. */
async function farUnit<C extends Contract>(
  ring3: RunningRing3,
  placement: string,
  sim: SimulatedUsb,
  unitClass: ClientClass<C>,
  interfaceNumber = 0,
) {
  const { socket, busid } = sim;
  const { devices } = await ring3.manager.ask("attach", { transport: "usbip", socket, busid, port: null });
  const device = devices[interfaceNumber]!;
  assert.equal((await ring3.reached(device, "running")).placement, placement);
  const life = await DriversLife.of(ring3);
  const client = await connect({ stateDir: ring3.directory });
  const changed = async (verb: "suspend" | "resume", state: string) =>
    assert.equal((await ring3.manager.ask(verb, { device })).state, state);
  return {
    async open() {
      const port = await client.open(`${device}#0`, unitClass, "write");
      return { port, close: () => port.close() };
    },
    suspend: () => changed("suspend", "suspended"),
    resume: () => changed("resume", "running"),
    kill: () => life.kill({ device }),
    async close() {
      life.close();
      client.close();
      await sim[Symbol.asyncDispose]();
    },
  };
}

for (const placement of ["isolated", "pooled:inputs", "inline"]) {
  let running: Promise<RunningRing3> | undefined;
  const config = `placement: { ${drivers.map((name) => `${name}: "${placement}"`).join(", ")} }\nendpoints: { input: none }\n`;
  const ring3 = () => {
    running ??= RunningRing3.start({ config });
    return running;
  };
  after(async () => (await running)?.stop());

  gamepadConformance(`dualsense, ${placement}`, async () => {
    const sim = await simulatePad("dualsense");
    return { ...(await farUnit(await ring3(), placement, sim, gamepadClass, 3)), hands: padHands(sim) };
  });

  for (const [model, keys] of [
    ["keyboard", keyboardKeys],
    ["mouse", mouseButtons],
  ] as const)
    inputConformance(`hid-keyboard-mouse, ${model}, ${placement}`, async () => {
      const sim = await simulateKeyboard(model);
      return { ...(await farUnit(await ring3(), placement, sim, inputClass)), hands: keyHands(sim, keys) };
    });
}
