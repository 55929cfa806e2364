// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { limits } from "@ring3/core/lifecycle";
import { createLog } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import { inputUnit } from "../input/endpoint-unit.fixture.ts";
import { pad } from "../input/mapping/mapping.fixture.ts";
import { GAMEPAD_RUMBLE, type Gamepad } from "./contract.ts";
import { Motors } from "./endpoint-motors.ts";
import { startGamepad } from "./endpoint-uinput.ts";

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Drivers that do with each rumble what the test says: `answer` undefined: take it. */
function setUp() {
  const clock = manualClock();
  const logged: string[] = [];
  const motors = new Motors(
    clock,
    createLog("test", ({ level, message }) => void (level === "warn" && logged.push(message)), clock),
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
  /** It fails, and is dead then. */
  const dies = () => {
    motors.driver(undefined);
    motors.driver(undefined, true);
  };
  const drivers = async (count: number, does?: DeviceError["kind"]) => {
    answer = does;
    for (let number = 0; number < count; number++) {
      dies();
      motors.driver(port);
      await settled();
    }
    return told.splice(0);
  };
  return { clock, motors, told, logged, drivers, dies, port };
}
const LONG = 1e6;

test("an effect under which two drivers have died is told to no other, however long that lives; another effect is", async () => {
  const { clock, motors, told, logged, drivers } = setUp();
  motors.set(9, 8, LONG);
  assert.deepEqual(await drivers(2, "driver-restarted"), ["9 8", "9 8"]);
  assert.deepEqual(logged, ["a rumble under which 2 drivers have died is not told to another"]);
  assert.deepEqual(await drivers(1), []);
  clock.advance(2 * limits.healthyMs);
  await settled();
  assert.deepEqual(told.splice(0), []);
  motors.set(7, 6, LONG);
  await settled();
  assert.deepEqual(told, ["7 6"]);
});

test("deaths under an effect count in a row: one that took it in between begins them anew", async () => {
  const { motors, drivers } = setUp();
  motors.set(9, 8, LONG);
  for (const does of ["driver-restarted", undefined, "driver-restarted", undefined] as const)
    assert.deepEqual(await drivers(1, does), ["9 8"]);
});

test("behind two drivers that died early, one is told once it has lived in health, and what is wanted then", async () => {
  const { clock, motors, told, drivers, dies } = setUp();
  assert.deepEqual(await drivers(2), []); // the second is there still
  dies();
  motors.set(9, 8, LONG);
  assert.deepEqual(await drivers(1), []);
  clock.advance(limits.healthyMs - 1);
  motors.set(7, 6, LONG);
  assert.deepEqual(await drivers(1), []);
  clock.advance(limits.healthyMs - 1);
  await settled();
  assert.deepEqual(told.splice(0), []);
  clock.advance(1);
  await settled();
  assert.deepEqual(told.splice(0), ["7 6"]);
  assert.deepEqual(await drivers(1), ["7 6"]);
});

test("one that rests, is unplugged or restarted within its first seconds has not died: it is told at once, after one early death too", async () => {
  const { motors, told, drivers, port } = setUp();
  await drivers(1);
  for (let rest = 0; rest < 3; rest++) {
    motors.driver(undefined);
    motors.driver(port);
  }
  await drivers(1);
  motors.set(9, 8, LONG);
  await settled();
  assert.deepEqual(told, ["9 8"]);
});

test("one that dies without having worked since the last early death makes no second of that", async () => {
  const { motors, told, drivers } = setUp();
  await drivers(1);
  motors.driver(undefined, true); // it was at rest all the while
  await drivers(1);
  motors.set(9, 8, LONG);
  await settled();
  assert.deepEqual(told, ["9 8"]);
});

test("one early death keeps nothing from the next driver", async () => {
  const { clock, motors, told, drivers } = setUp();
  await drivers(1);
  clock.advance(3000);
  await drivers(1);
  motors.set(9, 8, LONG);
  await settled();
  assert.deepEqual(told, ["9 8"]);
});

test("drivers that die one after the other, each of which had taken it, are told at once; so is one that is told again by another view", async () => {
  const { motors, told, drivers, port } = setUp();
  motors.set(9, 8, LONG);
  assert.deepEqual(await drivers(4), ["9 8", "9 8", "9 8", "9 8"]);
  motors.driver(port);
  await settled();
  assert.deepEqual(told, ["9 8"]);
});

test("two drivers that die by their own fault as they come keep a rumble from the next for a while; two that rest do not", async () => {
  for (const failed of [true, false]) {
    const { nodes, port } = await inputUnit(startGamepad, { ...pad, features: GAMEPAD_RUMBLE });
    for (const there of [false, true, false, true]) port.driver(there, failed && !there);
    const effect = { type: 0x50, id: 0, replayLength: 500 };
    nodes.kernel(0).upload(effect, { strongMagnitude: 9, weakMagnitude: 8 });
    nodes.kernel(0).play(0, 1);
    await settled();
    assert.equal(port.told.length, failed ? 0 : 1);
  }
});
