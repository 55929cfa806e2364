// Runs in: tests. The machine's sleep over devices whose drivers do what the test says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import { type Descriptor, pipe } from "@ring3/kernel/fd/descriptor";
import type { Device } from "./device.ts";
import { chosenDriver, FakeHosts, playedDevice, settled } from "./fake-host.fixture.ts";
import { Sleep } from "./sleep.ts";

const DELAY_MS = 5000;
const LATE_MS = 4500;

function setUp() {
  const clock = manualClock();
  const said: string[] = [];
  const log = createLog("test", ({ level, message }) => level === "warn" && said.push(message), clock);
  const devices: Device[] = [];
  const sleep = new Sleep(() => devices, clock, log);
  const locks: Descriptor[] = [];

  /** A device whose driver starts. */
  function plug(id: string) {
    const hosts = new FakeHosts();
    const device: Device = playedDevice(
      hosts,
      clock,
      {
        changed: () => sleep.deviceChanged(),
      },
      { id },
    );
    devices.push(device);
    device.matched(chosenDriver(), true);
    return { device, hosts };
  }

  async function running(id: string) {
    const plugged = plug(id);
    await plugged.hosts.last.runs();
    return plugged;
  }

  return {
    clock,
    said,
    sleep,
    plug,
    running,
    lock() {
      const { read, write } = pipe();
      read.close();
      locks.push(write);
      sleep.lock(write);
    },
    held: () => locks.filter(({ fd }) => fd >= 0).length,
    states: () => devices.map(({ life }) => life.state).join(" "),
  };
}

/** Answers to "suspend" and "resume" wait for the test. */
function slow(hosts: FakeHosts): PromiseWithResolvers<void> {
  const answer = Promise.withResolvers<void>();
  hosts.last.answer = async () => {
    await answer.promise;
    return { result: {}, fds: [] };
  };
  return answer;
}

test("the lock is let go once the last device is at rest, and the next one stays until the next sleep", async () => {
  const { sleep, running, lock, held, states, said, clock } = setUp();
  lock();
  await running("one");
  const answer = slow((await running("two")).hosts);
  sleep.begins(DELAY_MS);
  await settled();
  assert.deepEqual([states(), held()], ["suspended running", 1]);
  answer.resolve();
  await settled();
  assert.deepEqual([states(), held()], ["suspended suspended", 0]);
  lock(); // late: they are at rest
  assert.equal(held(), 0);
  sleep.ends();
  lock();
  await settled();
  assert.deepEqual([states(), held()], ["running running", 1]);
  clock.advance(DELAY_MS);
  assert.deepEqual([said, held()], [[], 1]);
});

test("without devices nobody waits; a new lock takes the place of the old one", async () => {
  const { sleep, lock, held } = setUp();
  lock();
  lock();
  assert.equal(held(), 1);
  sleep.begins(DELAY_MS);
  assert.equal(held(), 0);
});

test("a device that starts is waited for, and is at rest then; so is one that is being stopped", async () => {
  const { sleep, plug, running, lock, held, states } = setUp();
  lock();
  const stopping = await running("stopping");
  void stopping.device.stop();
  const starting = plug("starting");
  sleep.begins(DELAY_MS);
  await settled();
  assert.deepEqual([states(), held()], ["stopped starting", 1]);
  await starting.hosts.last.runs();
  assert.deepEqual([states(), held()], ["stopped suspended", 1]);
  await stopping.hosts.last.dies();
  assert.equal(held(), 0);
});

test("about to sleep again while a device still wakes: it is waited for until it rests again", async () => {
  const { sleep, running, lock, held, states } = setUp();
  lock();
  const { hosts } = await running("one");
  sleep.begins(DELAY_MS);
  await settled();
  const wakes = slow(hosts);
  sleep.ends();
  lock();
  await settled();
  sleep.begins(DELAY_MS);
  await settled();
  assert.deepEqual([states(), held()], ["suspended", 1]);
  wakes.resolve();
  await settled();
  assert.deepEqual(
    [states(), held(), hosts.log.slice(-2)],
    ["suspended", 0, ["host 1 resume", "host 1 suspend"]],
  );
});

test("a device that waits for its next start is at rest; when it comes while the machine sleeps, it rests too", async () => {
  const { sleep, running, lock, held, states, clock } = setUp();
  const { hosts } = await running("failing");
  for (let failures = 0; failures < 2; failures++) {
    hosts.last.fails();
    await settled();
    await hosts.last.dies();
    if (failures === 0) await hosts.last.loaded();
  }
  assert.equal(states(), "failed");
  lock();
  sleep.begins(DELAY_MS);
  await settled();
  assert.equal(held(), 0);
  clock.advance(30_000);
  await settled();
  await hosts.last.runs();
  assert.equal(states(), "suspended");
  sleep.ends();
  await settled();
  assert.equal(states(), "running");
});

test("who is late is named, once, and the lock is let go in time", async () => {
  const { sleep, running, plug, lock, held, said, clock } = setUp();
  lock();
  await running("good");
  slow((await running("slow")).hosts);
  plug("new");
  sleep.begins(DELAY_MS);
  await settled();
  clock.advance(LATE_MS - 1);
  assert.equal(held(), 1);
  clock.advance(1);
  assert.deepEqual(
    [held(), said],
    [0, ["the machine sleeps before these devices are at rest: slow (running), new (starting)"]],
  );
});

test("a driver that refuses is not waited for; one that dies over it is, until the next one rests", async () => {
  const { sleep, running, lock, held, states, said } = setUp();
  lock();
  const refusing = slow((await running("refusing")).hosts);
  const { hosts } = await running("dying");
  const dying = slow(hosts);
  sleep.begins(DELAY_MS);
  await settled();
  refusing.reject(new DeviceError("busy", "suspend"));
  hosts.last.fails();
  dying.reject(new DeviceError("disconnected", "suspend"));
  await settled();
  assert.deepEqual([states(), held(), said.length], ["running failed", 1, 2]);
  assert.match(said.join(), /refusing is not suspended: suspend: in use/);
  await hosts.last.dies();
  await hosts.last.runs();
  assert.deepEqual([states(), held()], ["running suspended", 0]);
});

test("a driver that refuses as soon as it runs is not waited for either, nor is the one after a dead one", async () => {
  const { sleep, plug, lock, held, states } = setUp();
  lock();
  const { hosts } = plug("starting");
  sleep.begins(DELAY_MS);
  await settled();
  assert.equal(held(), 1);
  hosts.last.answer = () => Promise.reject(new DeviceError("busy", "suspend"));
  await hosts.last.runs();
  assert.deepEqual([states(), held()], ["running", 0]);
  sleep.ends();
  hosts.last.fails();
  await settled();
  await hosts.last.dies();
  lock();
  sleep.begins(DELAY_MS);
  await settled();
  assert.equal(held(), 1);
  hosts.last.answer = () => Promise.reject(new DeviceError("busy", "suspend"));
  await hosts.last.runs();
  assert.deepEqual([states(), held()], ["running", 0]);
});

test("it does not sleep after all: what is under way ends and is undone, and the lock is kept", async () => {
  const { sleep, running, lock, held, states, said, clock } = setUp();
  lock();
  const answer = slow((await running("slow")).hosts);
  sleep.begins(DELAY_MS);
  await settled();
  sleep.ends();
  answer.resolve();
  await settled();
  clock.advance(DELAY_MS);
  assert.deepEqual([states(), held(), said], ["running", 1, []]);
});

test("told twice that it sleeps, and never that it was awake: nothing is asked twice, and one wake is enough", async () => {
  const { sleep, running, states } = setUp();
  const { hosts } = await running("one");
  sleep.begins(DELAY_MS);
  await settled();
  sleep.begins(DELAY_MS);
  await settled();
  sleep.ends();
  sleep.ends();
  await settled();
  assert.deepEqual([states(), hosts.log.slice(2)], ["running", ["host 1 suspend", "host 1 resume"]]);
});

test("a device that cannot be ended cannot be waited for", async () => {
  const { sleep, running, lock, held, states, clock } = setUp();
  const { hosts } = await running("stuck");
  hosts.last.fails();
  await settled();
  clock.advance(DELAY_MS);
  assert.equal(states(), "stuck");
  lock();
  sleep.begins(DELAY_MS);
  await settled();
  assert.equal(held(), 0);
});
