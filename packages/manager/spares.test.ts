// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import { code, codeBytes, settled } from "./fake-host.fixture.ts";
import type { HostKind, HostListeners, HostProcess, SpareHost } from "./host-process.ts";
import { Spares } from "./spares.ts";

const listeners = {} as HostListeners;
const driver = { name: "a driver", code, codeBytes, requests: [] };
const placement = { placement: "isolated", class: "block" };
const standard: HostKind = { memoryMb: 256, cpuPercent: undefined, tier: "standard", ...placement, driver };

class PlayedSpare implements SpareHost {
  free = true;
  killed = false;
  well = true;
  readonly #loading = Promise.withResolvers<void>();
  readonly loaded = this.#loading.promise;
  readonly name: string;
  readonly fenced = Promise.resolve();

  constructor(name: string, hangs: boolean) {
    this.name = name;
    this.loaded.catch(() => {});
    if (!hangs) this.#loading.resolve();
  }

  healthy = async () => this.well;

  adopt(): HostProcess {
    this.free = false;
    return this as unknown as HostProcess;
  }

  kill(): void {
    this.killed = true;
    this.well = false;
    this.#loading.reject(new DeviceError("disconnected", "played"));
  }
}

function setUp(count = 1) {
  const clock = manualClock();
  const started: PlayedSpare[] = [];
  const logged: string[] = [];
  const hanging = new Set<string>();
  let refused = false;
  const parts = {
    clock,
    count,
    timeScale: 1,
    log: createLog("test", ({ message }) => logged.push(message), clock),
    start: async ({ tier, driver: { name } }: HostKind): Promise<SpareHost> => {
      const spare = new PlayedSpare(`${tier} ${started.length + 1}`, hanging.has(name));
      started.push(spare);
      if (refused) {
        refused = false;
        throw new DeviceError("no-space", "no user id is free");
      }
      return spare;
    },
  };
  const spares = new Spares(parts);
  const take = async (shape = standard) => {
    const { name } = (await spares.take(shape, listeners)) as unknown as PlayedSpare;
    await settled();
    return name;
  };
  const later = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  const refuse = () => {
    refused = true;
  };
  return { spares, parts, refuse, started, logged, hanging, take, later };
}

test("the first host is started when it is asked for, the next waits already", async () => {
  const { started, take, later } = setUp();
  assert.equal(await take(), "standard 1");
  await later(1000);
  assert.equal(started.length, 2);
  assert.equal(await take(), "standard 2");
  assert.equal(started.length, 2);
  await later(1000);
  assert.equal(started.length, 3);
});

test("the next spare is started only after the taker has had time to come up", async () => {
  const { started, take, later } = setUp();
  await take();
  await later(100);
  assert.equal(started.length, 1);
});

test("a spare that has died meanwhile is nobody's", async () => {
  const { started, take, later } = setUp();
  await take();
  await later(1000);
  started[1]!.free = false;
  assert.equal(await take(), "standard 3");
});

test("how a host is had is told: it waited, it was being started already, or it is started now", async () => {
  const { spares, later } = setUp();
  const told: string[] = [];
  const take = () => spares.take(standard, listeners, (how) => told.push(how));
  await take();
  await later(1000);
  await take();
  spares.expect(standard);
  await take();
  assert.deepEqual(told, ["cold", "spare", "expected"]);
});

test("one that is expected is started at once, and taken when it has come up", async () => {
  const { spares, started, take } = setUp();
  assert.equal(spares.expect(standard), false);
  assert.equal(started.length, 1);
  assert.equal(await take(), "standard 1");
  assert.equal(started.length, 1);
});

test("none is started for who is expected where one waits", async () => {
  const { spares, started, take, later } = setUp();
  await take();
  await later(1000);
  assert.equal(spares.expect(standard), true);
  assert.equal(started.length, 2);
});

test("two devices that fail together have a host started each", async () => {
  const { spares, started, take } = setUp();
  spares.expect(standard);
  spares.expect(standard);
  assert.deepEqual([await take(), await take(), started.length], ["standard 1", "standard 2", 2]);
});

test("an expected one that has broken: another is started for who takes it", async () => {
  const { spares, started, take } = setUp();
  spares.expect(standard);
  started[0]!.free = false;
  assert.equal(await take(), "standard 2");
});

test("an expected one that could not be started: another is, for who takes it", async () => {
  const { spares, logged, refuse, take } = setUp();
  refuse();
  spares.expect(standard);
  assert.deepEqual([await take(), logged], ["standard 2", []]);
});

test("an expected one that nobody takes waits; one more than there are to be is ended after a while", async () => {
  const { spares, started, take, later } = setUp(0);
  spares.expect(standard);
  await later(1000);
  assert.equal(await take(), "standard 1");
  spares.expect(standard);
  await later(1000);
  assert.equal(started[1]!.killed, false);
  await later(5000);
  assert.equal(started[1]!.killed, true);
  assert.equal(await take(), "standard 3");
});

test("an expected one is ended with the rest", async () => {
  const { spares, started } = setUp();
  spares.expect(standard);
  await spares.close();
  assert.equal(started[0]!.killed, true);
  spares.expect(standard);
  assert.equal(started.length, 1);
});

test("a spare of another tier is not taken", async () => {
  const { take, later } = setUp();
  await take();
  await later(1000);
  assert.equal(await take({ ...standard, tier: "strict" }), "strict 3");
});

test("a spare has its driver's code, so another driver does not get it", async () => {
  const { take, later } = setUp();
  await take();
  await later(1000);
  assert.equal(await take({ ...standard, driver: { ...driver, name: "another" } }), "standard 3");
  assert.equal(await take({ ...standard, driver: { ...driver, requests: [1] } }), "standard 4");
  assert.equal(await take(), "standard 2");
});

test("a driver whose code hangs or fails as it is loaded gets no spare", async () => {
  const { started, hanging, take, later } = setUp();
  hanging.add(driver.name);
  await take();
  await later(10_000);
  started[0]!.kill();
  await later(10_000);
  assert.equal(started.length, 1);
});

test("a spare in which the driver's code hangs, as it did not before, is ended", async () => {
  const { started, logged, hanging, take, later } = setUp();
  await take();
  hanging.add(driver.name);
  await later(1000);
  await later(5000);
  assert.deepEqual([started[1]!.killed, logged], [true, ["no spare host: played: the device is gone"]]);
  hanging.clear();
  assert.equal(await take(), "standard 3");
});

test("closing ends a spare whose driver's code hangs", async () => {
  const { spares, started, hanging, take, later } = setUp();
  await take();
  hanging.add(driver.name);
  await later(1000);
  await spares.close();
  assert.equal(started[1]!.killed, true);
});

test("a spare that does not answer, or holds too much, is ended, and nobody gets it", async () => {
  const { started, logged, take, later } = setUp();
  await take();
  await later(1000);
  await later(10_000);
  assert.equal(started[1]!.killed, false);
  started[1]!.well = false;
  await later(10_000);
  assert.deepEqual([started[1]!.killed, logged.length], [true, 1]);
  assert.equal(await take(), "standard 3");
});

test("a spare that has broken is ended when it is found so", async () => {
  const { started, take, later } = setUp();
  await take();
  await later(1000);
  started[1]!.free = false;
  assert.equal(await take(), "standard 3");
  assert.equal(started[1]!.killed, true);
});

test("none wait where none are wanted", async () => {
  const { started, take, later } = setUp(0);
  await take();
  await later(10_000);
  assert.equal(started.length, 1);
});

test("of many kinds, spares of those asked for longest ago are ended", async () => {
  const { started, logged, take, later } = setUp();
  for (let memoryMb = 32; memoryMb < 41; memoryMb++) {
    await take({ ...standard, memoryMb });
    await later(1000);
  }
  const ended = started.filter(({ killed }) => killed);
  assert.deepEqual(
    ended.map(({ name }) => name),
    ["standard 2"], // the first kind's
  );
  await later(10_000);
  assert.deepEqual(logged, []); // it is no longer asked whether it is well
});

test("closing ends those that wait and those that come late", async () => {
  const { spares, started, take, later } = setUp();
  await take();
  await later(1000);
  await take();
  await spares.close();
  await later(1000);
  assert.deepEqual(
    started.map(({ killed }) => killed),
    [false, false],
  );
  assert.equal(started.length, 2);
});

test("a spare that cannot be started is a warning, and the device's own start says why", async () => {
  const { spares, parts, logged, take, later } = setUp();
  await take();
  parts.start = () => Promise.reject(new Error("no processes left"));
  await later(1000);
  assert.deepEqual(logged, ["no spare host: no processes left"]);
  await assert.rejects(spares.take(standard, listeners), /no processes left/);
});

test("closing waits for a spare that is being started, and ends it", async () => {
  const { spares, parts, take, later } = setUp();
  await take();
  const starting = Promise.withResolvers<SpareHost>();
  parts.start = () => starting.promise;
  await later(1000);
  let closed = false;
  const closing = spares.close().then(() => {
    closed = true;
  });
  await settled();
  assert.equal(closed, false);
  const late = new PlayedSpare("late", false);
  starting.resolve(late);
  await closing;
  assert.equal(late.killed, true);
});
