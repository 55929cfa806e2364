// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { attention, grantText, matchText, meaningOf, meanings } from "./words.ts";

test("what is stopped on the way of a restart is not said to have been stopped by somebody", () => {
  assert.equal(
    meaningOf({ state: "stopped", reason: "restarted on request" }),
    "Its driver ends, and another takes its place.",
  );
  assert.equal(meaningOf({ state: "stopped", reason: "stopped on request" }), meanings.stopped);
});

test("a driver that fails three times within a minute needs somebody, though it runs", () => {
  const nowMs = 1_000_000;
  const device = { state: "running", driver: "usb-storage" } as const;
  assert.equal(attention(device, [nowMs - 70_000, nowMs - 20, nowMs - 10], nowMs), undefined);
  assert.equal(
    attention(device, [nowMs - 59_000, nowMs - 20, nowMs - 10], nowMs),
    "Its driver usb-storage has failed 3 times within a minute. Read its log and its last crash report; if it cannot do its work so, stop it.",
  );
});

test("what a state asks somebody to do is said whatever happened before", () => {
  assert.match(attention({ state: "stuck", driver: "a" }, [1, 2, 3], 4)!, /^Unplug it/);
});

test("a driver that fits and has declined its device is not said to be for it", () => {
  const ranked = {
    driver: "a",
    version: "1",
    score: 3,
    matched: ["class 08"],
    missed: ["declined it: no disk"],
  };
  assert.equal(matchText(ranked), "fits by class 08; declined it: no disk");
  assert.equal(matchText({ ...ranked, missed: [] }), "fits by class 08");
  assert.equal(
    matchText({ ...ranked, score: 0, matched: [], missed: ["no rule"] }),
    "is not for it: no rule",
  );
});

test("what a driver was given is the interface that its device's id names", () => {
  assert.equal(
    grantText({ id: "usb-1-4.2:1.3", bus: "usb" }),
    "interface 3 of configuration 1 of the USB device at 1-4.2 (control transfers, by which it is set up, reach all of that device)",
  );
  assert.match(grantText({ id: "hid-0005:054c:0ce6-a0", bus: "hid" }), /^the node \(hidraw\) of hid-0005/);
});
