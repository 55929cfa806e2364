// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceState } from "@ring3/control/status";
import { isHeard, outcomeText } from "./outcome.ts";

const at = (state: DeviceState, incarnation: number) => ({ state, incarnation });

test("a restart is heard of once the next driver runs, and not by what was before it", () => {
  const before = at("running", 3);
  const way = [before, at("stopped", 3), at("starting", 4), at("running", 4)];
  assert.deepEqual(
    way.map((now) => isHeard(before, "running", now)),
    [false, false, false, true],
  );
});

test("a restart whose driver has failed since is heard of, too", () => {
  assert.equal(isHeard(at("running", 3), "running", at("failed", 4)), true);
});

test("stop, suspend and resume are heard of with the state that they came to", () => {
  assert.equal(isHeard(at("running", 3), "stopped", at("running", 3)), false);
  assert.equal(isHeard(at("running", 3), "stopped", at("stopped", 3)), true);
  assert.equal(isHeard(at("suspended", 3), "running", at("running", 3)), true);
});

test("a stop is heard of where the device was started again before the page has looked", () => {
  assert.equal(isHeard(at("running", 3), "stopped", at("running", 4)), true);
});

test("an action says no reason of an earlier one, and its own where it failed", () => {
  assert.equal(outcomeText("suspend", "Suspend", "suspended", "restarted on request"), "It is suspended.");
  assert.equal(outcomeText("restart", "Restart", "running", "restarted on request"), "It is running.");
  assert.equal(outcomeText("restart", "Restart", "failed", "exit: code 1"), "It is failed: exit: code 1.");
  assert.equal(outcomeText("trace", "Trace", undefined, ""), "Trace: done.");
});
