// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { limits } from "@ring3/core/lifecycle";
import { createLog } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import type { Gamepad } from "./contract.ts";
import { Motors } from "./endpoint-motors.ts";

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Drivers that do with each rumble what the test says: `answer` undefined: take it. */
function setUp() {
  const clock = manualClock();
  const motors = new Motors(
    clock,
    createLog("test", () => {}, clock),
  );
  const told: string[] = [];
  let answer: DeviceError["kind"] | undefined;
  const port = {
    supports: () => true,
    request: async (_: string, { strong, weak }: { strong: number; weak: number }) => {
      told.push(`${strong} ${weak}`);
      if (answer !== undefined) throw new DeviceError(answer, "rumble");
    },
  } as unknown as SlotPort<Gamepad>;
  const drivers = async (count: number, does?: DeviceError["kind"]) => {
    answer = does;
    for (let number = 0; number < count; number++) {
      motors.driver(undefined);
      motors.driver(port);
      await settled();
    }
    return told.splice(0);
  };
  return { clock, motors, told, drivers, port };
}
const LONG = 1e6;

test("what a driver has died under is told to the next only once that has lived in health, and what is wanted then", async () => {
  const { clock, motors, told, drivers } = setUp();
  motors.set(9, 8, LONG);
  assert.deepEqual(await drivers(1, "driver-restarted"), ["9 8"]);
  assert.deepEqual(await drivers(4), []);
  motors.set(7, 6, LONG);
  clock.advance(limits.healthyMs - 1);
  await settled();
  assert.deepEqual(told.splice(0), []);
  clock.advance(1);
  await settled();
  assert.deepEqual(told.splice(0), ["7 6"]);
  motors.set(5, 4, LONG);
  await settled();
  assert.deepEqual(told.splice(0), ["5 4"]);
  assert.deepEqual(await drivers(1), ["5 4"]);
});

test("one that dies before it has lived for long begins the wait anew", async () => {
  const { clock, motors, told, drivers } = setUp();
  motors.set(9, 8, LONG);
  await drivers(2, "driver-restarted");
  clock.advance(limits.healthyMs - 1);
  assert.deepEqual(await drivers(1), []);
  clock.advance(limits.healthyMs - 1);
  await settled();
  assert.deepEqual(told, []);
});

test("drivers that die one after the other, each of which had taken it, are told at once; so is one that is told again by another view", async () => {
  const { motors, told, drivers, port } = setUp();
  motors.set(9, 8, LONG);
  assert.deepEqual(await drivers(4), ["9 8", "9 8", "9 8", "9 8"]);
  motors.driver(port);
  await settled();
  assert.deepEqual(told, ["9 8"]);
});

test("a driver that lived in health, and was told nothing, is followed by one that is told at once", async () => {
  const { clock, motors, drivers } = setUp();
  await drivers(1);
  clock.advance(limits.healthyMs);
  motors.driver(undefined);
  motors.set(9, 8, LONG);
  assert.deepEqual(await drivers(1), ["9 8"]);
});
