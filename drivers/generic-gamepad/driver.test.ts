// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bootKeyboard, bytes } from "@ring3/core/hid/descriptors.fixture";
import type { EventData, Gamepad } from "@ring3/sdk";
import { type PlayedHid, playedHid } from "@ring3/sdk/test/played-hid";
import { rehearse } from "@ring3/sdk/test/rehearse";
import { type RunOptions, runDriver } from "@ring3/sdk/test/run-driver";
import driver from "./driver.ts";
import { adapter, plain } from "./pads.fixture.ts";

const REST = bytes("80 80 80 80 08 00");
const SOUTH = bytes("80 80 80 80 18 00");

async function run({ usb }: PlayedHid, options: Omit<RunOptions, "usb"> = {}) {
  const running = await runDriver(driver, { usb, ...options });
  const states: EventData<Gamepad, "state">[][] = running.units.map(() => []);
  for (const [unit, port] of running.units.entries()) port.on("state", (state) => states[unit]!.push(state));
  return { running, states, units: running.units };
}

test("a pad is found, named as Linux does, and its reports are told when they are others", async () => {
  const hid = playedHid(plain, { manufacturer: "Acme", product: "Pad" });
  const { running, states, units } = await run(hid);
  await hid.send(REST, REST, SOUTH, SOUTH, REST);
  assert.deepEqual(
    states[0]!.map(({ buttons }) => buttons),
    [0, 1, 0],
  );
  const times = states[0]!.map(({ timestampUs }) => timestampUs);
  assert.ok(times.every((time, at) => Number.isInteger(time) && time >= (times[at - 1] ?? 1)));
  assert.deepEqual([units[0]!.properties.version, units[0]!.supports("rumble")], [0x0111, false]);
  await running.remove();
});

test("what is held while its driver dies is told by the next one", async () => {
  const hid = playedHid(plain, { inputs: { 0: SOUTH } });
  const { running, states } = await run(hid, { incarnation: 2 });
  assert.equal((running.told.get("0 state") as EventData<Gamepad, "state">).buttons, 1);
  await hid.send(SOUTH, REST);
  assert.deepEqual(
    states[0]!.map(({ buttons }) => buttons),
    [0],
  );
  await running.remove();
});

test("each pad of an adapter is told as a unit of its own", async () => {
  const hid = playedHid(adapter);
  const { running, states } = await run(hid);
  await hid.send(bytes("02 80 80 01"), bytes("01 80 80 02"), bytes("03 ff"));
  assert.deepEqual(
    states.map((told) => told.map(({ buttons }) => buttons)),
    [[2], [1]],
  );
  await running.remove();
});

test("a device without a pad is declined", async () => {
  const hid = playedHid(bootKeyboard);
  await assert.rejects(runDriver(driver, { usb: hid.usb }), { message: /declares no gamepad or joystick/ });
});

test("garbage for a descriptor, and none at all, are clear errors", async () => {
  const garbage = playedHid(bytes("05 01 09 05 a1 01 75 08"));
  await assert.rejects(runDriver(driver, { usb: garbage.usb }), {
    kind: "protocol",
    message: /HID report descriptor, offset 8: end: expected End Collection/,
  });
});

test("an endpoint that stalls or fails once goes on; who pulls the plug ends quietly", async () => {
  const hid = playedHid(plain);
  const { running, states } = await run(hid);
  await hid.send(SOUTH, "stall");
  await new Promise((resolve) => setTimeout(resolve, 50)); // the pause after a stall, 13 ms
  await hid.send(REST);
  assert.deepEqual(
    states[0]!.map(({ buttons }) => buttons),
    [1, 0],
  );
  await hid.transport.unplug();
  await running.remove();
});

test("after a rest the state is told again, the same or not", async () => {
  const hid = playedHid(plain);
  const { running, states } = await run(hid);
  await hid.send(SOUTH);
  await running.suspend();
  await running.resume();
  await hid.send(SOUTH, SOUTH);
  assert.deepEqual(
    states[0]!.map(({ buttons }) => buttons),
    [1, 0, 1],
  );
  await running.remove();
});

test("after a rest a pad with two reports is told by those that have come since", async () => {
  const hid = playedHid(
    bytes(
      "05 01 09 05 a1 01 85 01 05 09 19 01 29 08 15 00 25 01 75 01 95 08 81 02",
      "85 02 09 09 09 0a 95 02 81 02 75 06 95 01 81 03 c0",
    ),
  );
  const { running, states } = await run(hid);
  await hid.send(bytes("01 01"));
  await running.suspend();
  await running.resume();
  await hid.send(bytes("02 00"));
  assert.deepEqual([states[0]![0]!.buttons, states[0]!.at(-1)!.buttons], [1, 0]);
  await running.remove();
});

test("the rehearsal runs", () => rehearse(driver));
