// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogEntry } from "@ring3/core/log";
import { type Ended, reflectorText, withEnd } from "./reflectors.ts";

const block = { class: "block", pid: 17 };
const own = { class: "block", pid: 18, driver: "usb-storage" };
const entry = (message: string, source = "manager"): LogEntry => ({
  ...{ time: 5, level: "error", source, message },
});
const none: ReadonlyMap<string, Ended> = new Map();
const after = (...entries: LogEntry[]) =>
  entries.reduce((ended, each) => withEnd(ended, each, [block, own]), none);
const lines = (ended: ReadonlyMap<string, Ended>, ...reflectors: (typeof block | typeof own)[]) =>
  reflectors.map((each) => reflectorText(each, ended, (ms) => `${ms} ms`));

test("a reflector is shown with its process, and whose it is", () => {
  assert.deepEqual(lines(none, block, own), [
    "block: process 17",
    "block, of the driver usb-storage: process 18",
  ]);
});

test("one that has ended is no process any more: how and when is told until the console knows the next one", () => {
  const ended = after(entry("the block reflector ended (SIGKILL); it is started again in 0 ms"));
  assert.deepEqual(lines(ended, block, own, { ...block, pid: 19 }), [
    "block: was process 17, and at 5 ms ended (SIGKILL); it is started again in 0 ms",
    "block, of the driver usb-storage: process 18",
    "block: process 19",
  ]);
});

test("what a driver writes into its log, and what is said of a class that has none, ends no reflector", () => {
  assert.equal(
    after(entry("the block reflector is gone", "usb-1-4:1.0"), entry("the input reflector is gone")),
    none,
  );
});
