// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Passage, Step } from "@ring3/control/observation";
import { livesOf } from "./lives.ts";
import { recoveriesByLife, recoveriesOf, sinceText, stepText } from "./recoveries.ts";

const device = "usb-1-4:1.0";
const step = (timeMs: number, name: Step["step"], more: Partial<Step> = {}): Step => ({
  device,
  timeMs,
  sinceMs: 0,
  incarnation: 1,
  step: name,
  detail: "",
  requests: null,
  ...more,
});
const passage = (timeMs: number, state: Passage["state"], incarnation: number): Passage => ({
  device,
  timeMs,
  state,
  incarnation,
  reason: "",
  fenced: false,
  hostPid: null,
});
const names = (recoveries: readonly Step[][] = []) =>
  recoveries.map((recovery) => recovery.map(({ step }) => step).join(" "));

test("each end, and each first start, begins a recovery; of the oldest the beginning may be lost", () => {
  const steps = [step(0, "probed"), step(1, "failed"), step(2, "fenced"), step(3, "asked"), step(4, "cold")];
  assert.deepEqual(names(recoveriesOf(steps)), ["probed", "failed fenced", "asked cold"]);
  assert.deepEqual(recoveriesOf([]), []);
});

test("a recovery is of the driver that it led to, or of the one that it ended for good, also where drivers count anew", () => {
  const lives = livesOf([
    passage(1, "starting", 1),
    passage(9, "gone", 1),
    passage(19, "unmatched", 0),
    passage(20, "starting", 1),
    passage(22, "running", 1),
    passage(30, "stopped", 1),
  ]);
  const steps = [
    step(0, "asked"),
    step(2, "running"),
    step(9, "ended"),
    step(11, "fenced"),
    step(22, "running"),
    step(30, "ended"),
    step(31, "fenced"),
  ];
  const byLife = recoveriesByLife(lives, steps);
  assert.deepEqual(
    lives.map((life) => names(byLife.get(life))),
    [["asked running"], ["ended fenced running", "ended fenced"]],
  );
});

test("steps are told in words, with counts and times as people read them", () => {
  assert.equal(
    stepText(step(0, "failed", { detail: "signal: SIGKILL" })),
    "Its driver failed: signal: SIGKILL",
  );
  assert.equal(stepText(step(0, "running")), "Running");
  const of = (requests: number) => stepText(step(0, "replayed", { requests, detail: "the block reflector" }));
  assert.deepEqual(
    [of(0), of(1)],
    ["Replayed 0 requests of the block reflector", "Replayed 1 request of the block reflector"],
  );
  assert.deepEqual([0, 3.25, 48.4, 2100].map(sinceText), ["0 ms", "3.3 ms", "48 ms", "2.1 s"]);
});
