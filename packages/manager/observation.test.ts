// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { manualClock } from "@ring3/core/clock";
import { Observation } from "./observation.ts";

const device = (id: string, state: DeviceStatus["state"] = "running") => ({ id, state }) as DeviceStatus;

function setUp() {
  const clock = manualClock();
  const told: string[] = [];
  let devices = [device("a"), device("b")];
  const observation = new Observation({
    clock,
    status: () => ({ devices }) as Status,
    metrics: () => ({ nowMs: clock.now(), devices: [] }),
    tell: (notice, params) => {
      const { id, state } = params as Partial<DeviceStatus>;
      told.push([notice, id, state].filter((word) => word !== undefined).join(" "));
    },
  });
  const become = (...now: DeviceStatus[]) => {
    devices = now;
    observation.changed();
  };
  return { clock, told, observation, become };
}

test("what is different is told, what is not is not, however often something changes", () => {
  const { clock, told, observation, become } = setUp();
  assert.equal(observation.begin().devices.length, 2);
  told.length = 0;
  become(device("a", "failed"), device("b"));
  become(device("a", "starting"), device("b"));
  become(device("a", "running"), device("b"));
  clock.advance(20);
  assert.deepEqual(told, []);
  become(device("a", "failed"), device("b"), device("c"));
  clock.advance(20);
  assert.deepEqual(told, ["device a failed", "device c running"]);
});

test("one that has gone is told once", () => {
  const { clock, told, observation, become } = setUp();
  observation.begin();
  told.length = 0;
  become(device("b"));
  clock.advance(20);
  become(device("b"));
  clock.advance(20);
  assert.deepEqual(told, ["deviceGone a"]);
});

test("metrics come at once and then once a second, until it ends", () => {
  const { clock, told, observation } = setUp();
  observation.begin();
  clock.advance(3000);
  assert.deepEqual(told, Array(4).fill("metrics"));
  observation.end();
  clock.advance(3000);
  assert.equal(told.length, 4);
  assert.equal(clock.pending, 0);
});

test("who begins again has one observation, not two", () => {
  const { clock, told, observation, become } = setUp();
  observation.begin();
  observation.begin();
  told.length = 0;
  become(device("a"));
  clock.advance(1000);
  assert.deepEqual(told, ["deviceGone b", "metrics"]);
});
