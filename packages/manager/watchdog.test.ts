// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceMemory, HostDeviceMemory } from "@ring3/channel/device-memory";
import { type ManualClock, manualClock } from "@ring3/core/clock";
import { duplicate } from "@ring3/kernel/fd/descriptor";
import { Watchdog } from "./watchdog.ts";

function setUp(memoryBytes = 2 ** 40, clock: ManualClock = manualClock(), hangMs = 1500) {
  const memory = new DeviceMemory();
  const host = new HostDeviceMemory(duplicate(memory.fd), 0, { now: () => 0 });
  const failures: string[] = [];
  const watchdog = new Watchdog(
    memory,
    process.pid,
    clock,
    { hangMs, memoryBytes },
    {
      failed: ({ kind, text }) => failures.push(`${kind}: ${text}`),
      held: () => failures.push("held"),
    },
  );
  return { clock, host, failures, watchdog };
}

test("a heart that beats twice a second is left alone", () => {
  const { clock, host, failures } = setUp();
  for (let beats = 0; beats < 20; beats++) {
    host.beat();
    clock.advance(500);
  }
  assert.deepEqual(failures, []);
});

test("one that may stand still for 100 ms only is looked at three times in that time", () => {
  const { clock, host, failures } = setUp(2 ** 40, manualClock(), 100);
  for (let beats = 0; beats < 20; beats++) {
    host.beat();
    clock.advance(33);
  }
  assert.deepEqual(failures, []);
  clock.advance(99);
  assert.deepEqual(failures, []);
  clock.advance(33);
  assert.match(failures[0]!, /^heartbeat: no heartbeat for 1\d\d ms$/);
});

test("one that stands still fails once, as soon as it may not any longer", () => {
  const { clock, host, failures } = setUp();
  host.beat();
  clock.advance(500);
  clock.advance(1499);
  assert.deepEqual(failures, []);
  clock.advance(10_000);
  assert.deepEqual(failures, ["heartbeat: no heartbeat for 1500 ms"]);
});

test("a manager that was frozen itself counts anew", () => {
  const clock = manualClock();
  let frozen = 0;
  const { failures } = setUp(2 ** 40, { ...clock, now: () => clock.now() + frozen });
  clock.advance(1000);
  frozen = 60_000;
  clock.advance(1000);
  assert.deepEqual(failures, []);
  clock.advance(1000);
  assert.deepEqual(failures, ["heartbeat: no heartbeat for 1500 ms"]);
});

test("too much private memory fails by its own name", () => {
  const { clock, failures } = setUp(2 ** 20);
  clock.advance(500);
  assert.match(failures[0]!, /^memory: holds \d+ MB, may hold 1 MB$/);
});

test("a stopped watchdog says nothing and leaves no timer", () => {
  const { clock, failures, watchdog } = setUp();
  watchdog.stop();
  clock.advance(10_000);
  assert.deepEqual([failures, clock.pending], [[], 0]);
});
