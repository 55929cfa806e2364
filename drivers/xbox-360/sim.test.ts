// Runs in: tests. The driver on simulated Xbox controllers, each a process of its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runDriver } from "@ring3/sdk/test/run-driver";
import { simulateUsb } from "@ring3/sdk/test/simulated-usb";
import driver from "./driver.ts";

const main = fileURLToPath(new URL("../../sims/gamepad/main.ts", import.meta.url));
const SOUTH = 1;

for (const [model, ...faults] of [
  ["xbox-360"],
  ["xbox-one"],
  ["xbox-one", "--needs-led"],
  ["xbox-one", "--accessory"],
] as const)
  test(`${[model, ...faults].join(" ")} starts, is heard, and lets go of its buttons at a rest`, async () => {
    await using sim = await simulateUsb(main, ["--model", model, ...faults]);
    await using running = await runDriver(driver, { usb: await sim.attach() });
    const states: number[] = [];
    const pressed = Promise.withResolvers<void>();
    running.units[0]!.on("state", ({ buttons }) => {
      states.push(buttons);
      if (buttons === SOUTH) pressed.resolve();
    });
    await sim.command("press south");
    await pressed.promise;
    await running.suspend();
    assert.equal(states.at(-1), 0);
    await running.resume();
    assert.deepEqual(
      running.log.filter(({ level }) => level !== "info"),
      [],
    );
  });

test("an Xbox One that is left alone is started as often as its driver dies, without a moment lost", async () => {
  await using sim = await simulateUsb(main, ["--model", "xbox-one"]);
  const { state } = await runDriver(driver, { usb: await sim.attach() });
  const took: number[] = [];
  for (let incarnation = 2; incarnation < 6; incarnation++) {
    const began = performance.now();
    const running = await runDriver(driver, { usb: await sim.attach(), incarnation, state });
    assert.deepEqual([running.log, running.state.readState()], [[], { isOn: true }]);
    took.push(performance.now() - began);
  }
  assert.ok(Math.min(...took) < 700, took.join()); // the moment that one waits for which is not known to be on
});

for (const incarnation of [1, 2])
  test(`an Xbox One that stops in its handshake does not start (incarnation ${incarnation})`, async () => {
    await using sim = await simulateUsb(main, ["--model", "xbox-one", "--stop-in-handshake"]);
    const started = runDriver(driver, { usb: await sim.attach(), incarnation });
    await assert.rejects(started, { kind: "timeout", message: /told 5 times to start/ });
  });

test("an Xbox One with a headset goes on for as long as that announces itself", async () => {
  await using sim = await simulateUsb(main, ["--model", "xbox-one", "--accessory"]);
  await using running = await runDriver(driver, { usb: await sim.attach(), incarnation: 2 });
  const pressed = Promise.withResolvers<void>();
  running.units[0]!.on("state", ({ buttons }) => buttons === SOUTH && pressed.resolve());
  await sim.command("wait 4s"); // eight announcements, and nothing else
  await sim.command("press south");
  await pressed.promise;
  assert.deepEqual(running.log, []);
});
