// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { InFlight } from "@ring3/control/observation";
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
    inFlight: (id) => (devices.some((each) => each.id === id) ? { device: id, requests: [] } : undefined),
    tell: (notice, params) => {
      const { id, device, state } = params as Partial<DeviceStatus & InFlight>;
      told.push([notice, id, device, state].filter((word) => word !== undefined).join(" "));
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

test("what is in flight is told with each beat of the devices that are followed, until they are not, or have gone", () => {
  const { clock, told, observation, become } = setUp();
  observation.begin();
  told.length = 0;
  for (const id of ["a", "a", "b"]) observation.follow(id, true);
  clock.advance(1000);
  assert.deepEqual(told.splice(0), ["metrics", "inFlight a", "inFlight b"]);
  observation.follow("a", false);
  clock.advance(1000);
  assert.deepEqual(told.splice(0), ["metrics", "inFlight b"]);
  become(device("a"));
  clock.advance(2000);
  assert.deepEqual(told, ["deviceGone b", "metrics", "metrics"]);
});

test("no more than 16 devices are followed", () => {
  const { observation } = setUp();
  for (let at = 0; at < 16; at++) observation.follow(`d${at}`, true);
  assert.throws(() => observation.follow("a", true), { kind: "busy" });
  observation.follow("d3", true);
  observation.follow("d3", false);
  observation.follow("a", true);
});
