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

/** Drivers that take each rumble, let go of it when it is taken back, or do neither before they die. */
function setUp() {
  const clock = manualClock();
  const logged: string[] = [];
  const motors = new Motors(
    clock,
    createLog("test", ({ level, message }) => void (level === "warn" && logged.push(message)), clock),
  );
  const told: string[] = [];
  let does: "takes" | "lets go" | "dies" = "takes";
  let ended = () => {};
  const port = {
    supports: () => true,
    async request(_: string, input: object, { signal }: { signal: AbortSignal }) {
      told.push(Object.values(input).join(" "));
      if (does === "takes") return;
      await new Promise<void>((resolve) => {
        ended = resolve;
        if (does === "lets go") signal.addEventListener("abort", () => resolve());
      });
      throw new DeviceError("cancelled", "rumble"); // was taken back, before its driver died or as it did
    },
  } as unknown as SlotPort<Gamepad>;
  /** It fails, and is dead then. */
  const dies = (failed = true) => {
    motors.driver(undefined);
    motors.driver(undefined, failed);
    ended();
  };
  const drivers = async (count: number, what: typeof does = "takes") => {
    does = what;
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
  assert.deepEqual(await drivers(2, "dies"), ["9 8 65535", "9 8 65535"]);
  assert.deepEqual(await drivers(1), []);
  assert.deepEqual(logged, ["a rumble under which 2 drivers have died is not told to another"]);
  clock.advance(2 * limits.healthyMs);
  await settled();
  assert.deepEqual(told.splice(0), []);
  motors.set(7, 6, LONG);
  await settled();
  assert.deepEqual(told, ["7 6 65535"]);
});

test("deaths under an effect count in a row: one that took it in between begins them anew", async () => {
  const { motors, drivers } = setUp();
  motors.set(9, 8, LONG);
  for (const does of ["dies", "takes", "dies", "takes"] as const)
    assert.deepEqual(await drivers(1, does), ["9 8 65535"]);
});

test("what a driver is told as it comes to rest is taken back: it does not do so as it wakes, but what is wanted then", async () => {
  const { clock, motors, told, drivers, port } = setUp();
  await drivers(1, "lets go");
  motors.set(9, 8, 1000);
  motors.driver(undefined);
  await settled();
  clock.advance(400);
  motors.driver(port);
  motors.driver(undefined);
  await settled();
  clock.advance(60_000);
  motors.driver(port);
  await settled();
  assert.deepEqual(told, ["9 8 1000", "9 8 600", "0 0 0"]);
});

test("an effect under which drivers rest and die later, or are killed, is told to the next all the same", async () => {
  const { clock, motors, told, logged, drivers, dies, port } = setUp();
  const next = async () => {
    motors.driver(port);
    await settled();
    clock.advance(limits.healthyMs);
  };
  await drivers(1, "lets go");
  motors.set(9, 8, LONG);
  for (let rest = 0; rest < 3; rest++) {
    motors.driver(undefined);
    await settled();
    dies();
    await next();
  }
  motors.driver(undefined);
  await settled();
  await drivers(1, "dies");
  for (let kill = 0; kill < 3; kill++) {
    dies(false);
    await next();
  }
  assert.deepEqual([logged, told], [[], Array(3).fill("9 8 65535")]);
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
  assert.deepEqual(told.splice(0), ["7 6 65535"]);
  assert.deepEqual(await drivers(1), ["7 6 65535"]);
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
  assert.deepEqual(told, ["9 8 65535"]);
});

test("one that dies without having worked since the last early death makes no second of that", async () => {
  const { motors, told, drivers } = setUp();
  await drivers(1);
  motors.driver(undefined, true); // it was at rest all the while
  await drivers(1);
  motors.set(9, 8, LONG);
  await settled();
  assert.deepEqual(told, ["9 8 65535"]);
});

test("one early death keeps nothing from the next driver", async () => {
  const { clock, motors, told, drivers } = setUp();
  await drivers(1);
  clock.advance(3000);
  await drivers(1);
  motors.set(9, 8, LONG);
  await settled();
  assert.deepEqual(told, ["9 8 65535"]);
});

test("drivers that die one after the other, each of which had taken it, are told at once; so is one that is told again by another view", async () => {
  const { motors, told, drivers, port } = setUp();
  motors.set(9, 8, LONG);
  assert.deepEqual(await drivers(4), ["9 8 65535", "9 8 65535", "9 8 65535", "9 8 65535"]);
  motors.driver(port);
  await settled();
  assert.deepEqual(told, ["9 8 65535"]);
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
