// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceStates } from "@ring3/control/status";
import { actionsFor, faultsFor, mayBeTraced } from "./choices.ts";

test("what nobody drives has no driver to break, and what is stopped can only be pulled out", () => {
  const offered = deviceStates.map((state) => [
    state,
    faultsFor({ state })
      .map(({ verb }) => verb)
      .join(" "),
  ]);
  const all = "crash hang garbage unplug";
  assert.deepEqual(Object.fromEntries(offered), {
    unmatched: "",
    available: "",
    starting: all,
    running: all,
    suspended: all,
    stopped: "unplug",
    failed: all,
    quarantined: "unplug",
    stuck: "unplug",
    gone: "",
  });
});

test("each state offers what leads out of it", () => {
  const offered = deviceStates.map((state) => [
    state,
    actionsFor({ state })
      .map(({ verb }) => verb)
      .join(" "),
  ]);
  assert.deepEqual(Object.fromEntries(offered), {
    unmatched: "",
    available: "take",
    starting: "restart suspend stop",
    running: "restart suspend stop",
    suspended: "resume stop",
    stopped: "start",
    failed: "restart stop",
    quarantined: "restart stop",
    stuck: "",
    gone: "",
  });
});

test("a device is traced over its driver's death, and not where there is no driver", () => {
  assert.deepEqual(
    deviceStates.filter((state) => mayBeTraced({ state })),
    ["starting", "running", "suspended", "failed"],
  );
});
