// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import { nullDevice } from "@ring3/kernel/fd/descriptor";
import { noLegacy } from "./fake-host.fixture.ts";
import { Reflectors } from "./reflectors.ts";

test("of a reflector that died with its manager nothing is kept", () => {
  const dropped: string[] = [];
  const clock = manualClock();
  const reflectors = new Reflectors({
    processes: undefined as never,
    legacy: { ...noLegacy, drop: (name) => void dropped.push(name) },
    log: createLog("test", () => {}, clock),
    clock,
    random: { next: () => 0 },
    node: "node",
    program: "reflector.cjs",
    connected: assert.fail,
  });
  const held = nullDevice();
  const name = "reflector/block/0.1";
  reflectors.inherit({ name, record: { class: "block", pid: 7 }, held: [held] }, false);
  assert.deepEqual([dropped, held.fd, reflectors.running], [[name], -1, []]);
});
