// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step } from "@ring3/control/observation";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { pipe } from "@ring3/kernel/fd/descriptor";
import { chosenDriver, FakeHosts, playedDevice, settled, unit } from "./fake-host.fixture.ts";

function setUp({ openMs = 0, spare = true, transport = "usbfs" as "usbfs" | "usbip" } = {}) {
  const clock = manualClock();
  const hosts = new FakeHosts();
  hosts.spare = spare;
  const told: Step[] = [];
  const open = async () => {
    clock.advance(openMs);
    const { read: descriptor, write: other } = pipe();
    other.close();
    return { terms: {} as never, descriptor, taken: false };
  };
  const device = playedDevice(hosts, clock, { stepped: (_, step) => told.push(step) }, { open, transport });
  device.matched(chosenDriver(), true);
  const said = () => told.map(({ sinceMs, step, incarnation }) => `${sinceMs} ${step} ${incarnation}`);
  return { clock, hosts, device, told, said };
}

test("a first start counts from the moment it was asked for", async () => {
  const { clock, hosts, said } = setUp({ openMs: 3, spare: false });
  clock.advance(40);
  await hosts.last.runs(unit());
  assert.deepEqual(said(), ["0 asked 1", "40 cold 1", "43 opened 1", "43 probed 1", "43 running 1"]);
});

test("a recovery is told step by step, each with the time since the failure", async () => {
  const { clock, hosts, device, told, said } = setUp();
  await hosts.last.runs(unit());
  clock.advance(1000);
  told.length = 0;
  hosts.last.fails("it broke");
  await settled();
  clock.advance(7);
  await hosts.last.dies();
  clock.advance(2);
  await hosts.last.loaded();
  clock.advance(5);
  await hosts.last.probed(unit(), unit(1));
  clock.advance(1);
  device.replayed(3, "the block reflector");
  assert.deepEqual(said(), [
    "0 failed 1",
    "0 killed 1",
    "7 fenced 1",
    "9 spare 2",
    "9 opened 2",
    "14 probed 2",
    "14 running 2",
    "15 replayed 2",
  ]);
  const of = (wanted: Step["step"]) => told.find(({ step }) => step === wanted)!;
  assert.equal(of("failed").detail, "exit: it broke");
  assert.equal(of("killed").detail, `process ${process.pid}`);
  assert.equal(of("probed").detail, "2 units");
  assert.deepEqual([of("replayed").requests, of("replayed").detail], [3, "the block reflector"]);
  assert.ok(told.every(({ step, requests }) => (requests === null) === (step !== "replayed")));
});

test("a stream that was opened while the last driver ended is told as such", async () => {
  const { hosts, told } = setUp({ transport: "usbip" });
  await hosts.last.runs(unit());
  assert.equal(told.find(({ step }) => step === "opened")!.detail, "");
  told.length = 0;
  hosts.last.fails();
  await hosts.last.dies();
  await hosts.last.runs(unit());
  assert.equal(told.find(({ step }) => step === "opened")!.detail, "asked for while the last driver ended");
});

test("one that had to be opened anew, since that failed, is not", async () => {
  const clock = manualClock();
  const hosts = new FakeHosts();
  const told: Step[] = [];
  let opened = 0;
  const open = async () => {
    if (++opened === 2) throw new DeviceError("io", "too early");
    const { read: descriptor, write: other } = pipe();
    other.close();
    return { terms: {} as never, descriptor, taken: false };
  };
  const observer = { stepped: (_: unknown, step: Step) => told.push(step) };
  const device = playedDevice(hosts, clock, observer, { open, transport: "usbip" });
  device.matched(chosenDriver(), true);
  await hosts.last.runs(unit());
  hosts.last.fails();
  await hosts.last.dies();
  await hosts.last.runs(unit());
  assert.equal(opened, 3);
  assert.deepEqual(
    told.filter(({ step }) => step === "opened").map(({ detail }) => detail),
    ["", ""],
  );
});

test("after a stop nothing counts on: the next start begins anew", async () => {
  const { clock, hosts, device, told, said } = setUp();
  await hosts.last.runs(unit());
  told.length = 0;
  const stopped = device.stop();
  await settled();
  await hosts.last.dies();
  await stopped;
  clock.advance(60_000);
  device.start();
  clock.advance(4);
  await hosts.last.runs(unit());
  assert.deepEqual(said(), [
    "0 ended 1",
    "0 killed 1",
    "0 fenced 1",
    "0 asked 2",
    "4 spare 2",
    "4 opened 2",
    "4 probed 2",
    "4 running 2",
  ]);
});

test("the way back of one that was unplugged counts from there; of one that nobody took then, from when it is asked for", async () => {
  const { clock, hosts, device, told, said } = setUp();
  const unplugged = async () => {
    told.length = 0;
    device.gone();
    await settled();
    await hosts.last.dies();
    clock.advance(2000);
    device.returned(device.bus);
  };
  await hosts.last.runs(unit());
  await unplugged();
  device.matched(chosenDriver(), true);
  await hosts.last.runs(unit());
  assert.deepEqual(said().slice(0, 4), ["0 ended 1", "0 killed 1", "0 fenced 1", "2000 spare 1"]);
  await unplugged();
  device.matched(chosenDriver(), false);
  clock.advance(60_000);
  device.start();
  await hosts.last.runs(unit());
  assert.deepEqual(said().slice(3), ["0 asked 1", "0 spare 1", "0 opened 1", "0 probed 1", "0 running 1"]);
});

test("one that cannot be ended is told as stuck, and a pause before the next start as what it is", async () => {
  const { clock, hosts, device, told, said } = setUp();
  for (let times = 0; times < 2; times++) {
    await hosts.last.runs(unit());
    hosts.last.fails();
    await hosts.last.dies();
  }
  assert.equal(told.at(-1)!.step, "back-off");
  assert.match(told.at(-1)!.detail, /^the next start comes in \d+ ms$/);
  clock.advance(1000);
  await hosts.last.runs(unit());
  told.length = 0;
  hosts.last.fails();
  await settled();
  clock.advance(5000);
  assert.deepEqual(said(), ["0 failed 3", "0 killed 3", "5000 stuck 3"]);
  assert.equal(device.life.state, "stuck");
});

test("whatever clients say, a recovery has 32 steps at most", async () => {
  const { hosts, device, told } = setUp();
  await hosts.last.runs(unit());
  for (let times = 0; times < 100; times++) device.replayed(1, "process 1");
  assert.equal(told.length, 32);
});

test("a rest and its end are told step by step too, each from when the driver was asked", async () => {
  const { clock, hosts, device, told, said } = setUp();
  await hosts.last.runs(unit());
  told.length = 0;
  hosts.last.answer = async () => {
    clock.advance(4);
    return { result: {}, fds: [] };
  };
  await device.suspend();
  clock.advance(60_000);
  await device.resume();
  assert.deepEqual(said(), ["0 suspending 1", "4 suspended 1", "0 resuming 1", "4 resumed 1"]);
});

test("a driver that does not rest is told as such, with its reason", async () => {
  const { hosts, device, told, said } = setUp();
  await hosts.last.runs(unit());
  told.length = 0;
  hosts.last.answer = async () => {
    throw new DeviceError("busy", "the disk is spinning");
  };
  await assert.rejects(device.suspend(), { kind: "busy" });
  assert.deepEqual(said(), ["0 suspending 1", "0 refused 1"]);
  assert.match(told.at(-1)!.detail, /spinning/);
});
