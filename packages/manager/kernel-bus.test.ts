import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import { busDevice } from "./fake-host.fixture.ts";
import { type Found, KernelBus } from "./kernel-bus.ts";

function setUp({ inherited = [] as string[] } = {}) {
  const clock = manualClock();
  const told: string[] = [];
  const said: string[] = [];
  const there = new Map<string, { plugging: string; bound: boolean; lies?: boolean }>();
  const listeners = {
    added: ({ id }: { id: string }) => void told.push(`+${id}`),
    removed: (id: string) => void told.push(`-${id}`),
    settled: () => void told.push("settled"),
    inherited: (id: string) => inherited.includes(id),
  };
  const list = (): Found[] =>
    [...there].map(([id, { plugging, bound, lies }]) => ({
      id,
      plugging,
      bound,
      describe() {
        if (lies === true) throw new DeviceError("protocol", "a lie");
        return busDevice({ id });
      },
    }));
  const log = createLog("manager", ({ message }) => void said.push(message), clock);
  const bus = new KernelBus(clock, log, 1, listeners, list);
  const look = () => {
    bus.changed();
    return told.splice(0);
  };
  const pass = (ms: number) => {
    clock.advance(ms);
    return told.splice(0);
  };
  const settle = () => pass(1000);
  return { there, look, pass, settle, said };
}

test("what the kernel's driver has is told at once, what none has once the bus has settled", () => {
  const { there, look, settle } = setUp();
  there.set("a", { plugging: "1", bound: true });
  there.set("b", { plugging: "2", bound: false });
  assert.deepEqual(look(), ["+a"]);
  assert.deepEqual(settle(), ["+b", "settled"]);
});

test("it is looked at some times more behind the kernel's word, from the last one on", () => {
  const { there, look, pass } = setUp();
  look();
  const found = [50, 100, 250, 600].map((ms) => {
    there.set(`after ${ms} more`, { plugging: "1", bound: true });
    return pass(ms).join();
  });
  assert.deepEqual(found, [
    "+after 50 more",
    "+after 100 more",
    "+after 250 more",
    "+after 600 more,settled",
  ]);
  look();
  pass(49);
  look();
  there.set("early", { plugging: "1", bound: true });
  assert.deepEqual([pass(49), pass(1)], [[], ["+early"]]);
});

test("what an earlier manager had is told at once", () => {
  const { there, look } = setUp({ inherited: ["b"] });
  there.set("b", { plugging: "2", bound: false });
  assert.deepEqual(look(), ["+b"]);
});

test("what has gone is told, and what is in its place already as another", () => {
  const { there, look } = setUp();
  there.set("a", { plugging: "1", bound: true });
  look();
  there.set("a", { plugging: "2", bound: true });
  assert.deepEqual(look(), ["-a", "+a"]);
  there.delete("a");
  assert.deepEqual(look(), ["-a"]);
  assert.deepEqual(look(), []);
});

test("one that lies about itself is left out until it is plugged in anew", () => {
  const { there, look, said } = setUp();
  there.set("a", { plugging: "1", bound: true, lies: true });
  assert.deepEqual([look(), look()], [[], []]);
  assert.deepEqual(said.length, 1);
  there.set("a", { plugging: "2", bound: true });
  assert.deepEqual(look(), ["-a", "+a"]);
});
