// Runs in: tests. The driver on a simulated Switch Pro Controller, a process of its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runDriver } from "@ring3/sdk/test/run-driver";
import { simulateUsb } from "@ring3/sdk/test/simulated-usb";
import driver from "./driver.ts";

const main = fileURLToPath(new URL("../../sims/gamepad/main.ts", import.meta.url));
const SOUTH = 1;

async function start(...faults: string[]) {
  await using scope = new AsyncDisposableStack();
  const sim = scope.use(await simulateUsb(main, ["--model", "switch-pro", ...faults]));
  const running = scope.use(await runDriver(driver, { usb: await sim.attach() }));
  const states: number[] = [];
  const pressed = Promise.withResolvers<void>();
  running.units[0]!.on("state", ({ buttons }) => {
    states.push(buttons);
    if (buttons === SOUTH) pressed.resolve();
  });
  const warned = running.log.filter(({ level }) => level === "warn").map(({ message }) => message);
  return { sim, running, states, pressed: pressed.promise, warned, scope: scope.move() };
}

test("it starts without a word of warning, is heard, and lets go of its buttons at a rest", async () => {
  const { sim, running, states, pressed, warned, scope } = await start();
  await using _scope = scope;
  assert.deepEqual(warned, []);
  await sim.command("press south");
  await pressed;
  await running.units[0]!.request("player", { number: 2 });
  await running.suspend();
  assert.equal(states.at(-1), 0);
  await running.resume();
});

for (const [fault, warning] of [
  ["--no-baud-rate", /baud rate: the controller does not answer/],
  ["--nack", /full reports, which the controller refuses/],
] as const)
  test(`with ${fault} it starts all the same, says so, and is heard`, async () => {
    const { sim, pressed, warned, scope } = await start(fault);
    await using _scope = scope;
    assert.match(warned.join("\n"), warning);
    await sim.command("press south");
    await pressed;
  });

test("one that stops in its handshake does not start", async () => {
  await using sim = await simulateUsb(main, ["--model", "switch-pro", "--stop-in-handshake", "--move"]);
  const started = runDriver(driver, { usb: await sim.attach() });
  await assert.rejects(started, { kind: "timeout", message: /: full reports: .* sends none/ });
});
