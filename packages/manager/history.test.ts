// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import type { Device } from "./device.ts";
import { chosenDriver, FakeHosts, noLegacy, playedDevice, unit } from "./fake-host.fixture.ts";
import { History } from "./history.ts";

async function setUp() {
  const clock = manualClock();
  const hosts = new FakeHosts();
  const history = new History(
    clock,
    noLegacy,
    createLog("test", () => {}, clock),
  );
  const device = playedDevice(hosts, clock, {
    changed: () => history.changed([device]),
    stepped: (_, step) => history.stepped(device, step),
  });
  history.changed([device]);
  device.matched(chosenDriver(), true);
  await hosts.last.runs(unit());
  return { clock, hosts, history, device };
}
const steps = (history: History, device: Parameters<History["of"]>[0]) =>
  history.of(device).passages.map(({ timeMs, state, incarnation }) => `${timeMs} ${state} ${incarnation}`);

test("a device's states are kept with their times, each once", async () => {
  const { clock, hosts, history, device } = await setUp();
  clock.advance(10);
  hosts.last.fails();
  await hosts.last.dies();
  await hosts.last.runs(unit());
  const told = steps(history, device);
  assert.deepEqual(new Set(told).size, told.length);
  assert.equal(told[0], "0 unmatched 0");
  assert.ok(told.includes("10 failed 1"), told.join("; "));
  assert.equal(told.at(-1), "10 running 2");
});

test("a host is told of when it comes, and of one that has failed no more is told", async () => {
  const { history, device } = await setUp();
  const { id, enumeration, life } = device;
  const other = { id, enumeration } as Device;
  for (const [state, hostPid] of [
    ["starting", null],
    ["starting", 12],
    ["failed", null],
    ["failed", 12],
  ] as const)
    history.changed([Object.assign(other, { life: { ...life, state }, hostPid })]);
  assert.deepEqual(
    history.of(other).passages.map(({ state, hostPid }) => [state, hostPid]),
    [
      ["starting", null],
      ["starting", 12],
      ["failed", null],
    ],
  );
});

test("who follows is told each step as it comes", async () => {
  const { hosts, history } = await setUp();
  const told: string[] = [];
  const unfollow = history.follow({ passage: (_, { state }) => told.push(state), step() {} });
  hosts.last.fails();
  await hosts.last.dies();
  unfollow();
  await hosts.last.runs(unit());
  assert.ok(told.includes("failed"));
  assert.ok(!told.includes("running"));
});

test("a device that is not there any more has no history, nor has another in its place", async () => {
  const { clock, hosts, history, device } = await setUp();
  history.changed([]);
  assert.deepEqual(history.of(device), { passages: [], steps: [] });
  history.changed([device]);
  const another = playedDevice(hosts, clock, {});
  history.changed([another]);
  assert.deepEqual(history.of(device), { passages: [], steps: [] });
  assert.equal(history.of(another).passages.length, 1);
});

test("steps are kept, and those since the last end are told apart", async () => {
  const { hosts, history, device } = await setUp();
  assert.deepEqual(
    history.lastSteps(device).map(({ step }) => step),
    ["asked", "spare", "opened", "probed", "running"],
  );
  hosts.last.fails();
  await hosts.last.dies();
  await hosts.last.runs(unit());
  const last = history.lastSteps(device);
  assert.deepEqual([last[0]!.step, last.at(-1)!.step], ["failed", "running"]);
});

test("who follows is told each of them", async () => {
  const { hosts, history } = await setUp();
  const told: string[] = [];
  history.follow({ passage() {}, step: (_, { step }) => told.push(step) });
  hosts.last.fails();
  await hosts.last.dies();
  await hosts.last.runs(unit());
  assert.deepEqual(told, ["failed", "killed", "fenced", "spare", "opened", "probed", "running"]);
});
