// Runs in: tests.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LogEntry } from "@ring3/core/log";
import { EventLog } from "./event-log.ts";

const folder = mkdtempSync(join(tmpdir(), "ring3-log-"));
after(() => rmSync(folder, { recursive: true }));

const entry = (message: string, source = "manager"): LogEntry => ({
  time: 1,
  level: "info",
  source,
  message,
});

test("of many entries the newest 2000 are kept, all are in the file", () => {
  const file = join(folder, "many.jsonl");
  const log = new EventLog(file);
  for (let n = 0; n < 2500; n++) log.add(entry(String(n)));
  const kept = log.entries(null).map(({ message }) => message);
  assert.deepEqual([kept.length, kept[0], kept.at(-1)], [2000, "500", "2499"]);
  assert.equal(readFileSync(file, "utf8").split("\n").length, 2501);
});

test("a file of 8 MiB is put aside, and a log that comes later goes on where the last one was", () => {
  const file = join(folder, "rotated.jsonl");
  const lines = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n").length;
  const first = new EventLog(file);
  for (let n = 0; n < 6; n++) first.add(entry("x".repeat(2 ** 20)));
  const second = new EventLog(file);
  for (let n = 0; n < 3; n++) second.add(entry("x".repeat(2 ** 20)));
  assert.deepEqual([lines(`${file}.1`), lines(file)], [7, 2]);
});

test("large entries are kept as far as one frame of the control connection takes them", () => {
  const log = new EventLog(join(folder, "large.jsonl"));
  for (let n = 0; n < 1000; n++) log.add(entry("ü".repeat(2048)));
  const bytes = Buffer.byteLength(JSON.stringify({ id: 1, result: { entries: log.entries(null) } }));
  assert.ok(bytes > 1.9 * 2 ** 20 && bytes < 4 * 2 ** 20, `${bytes} bytes`);
});

test("one device's entries and followers are that device's and its parts'", () => {
  const log = new EventLog(join(folder, "device.jsonl"));
  const seen: string[] = [];
  const stop = log.follow("usb-1", ({ message }) => seen.push(message));
  log.add(entry("a", "manager/usb-1"));
  log.add(entry("b", "manager/usb-1:1.0"));
  log.add(entry("c", "manager/usb-1/driver"));
  stop();
  log.add(entry("d", "manager/usb-1"));
  assert.deepEqual(seen, ["a", "c"]);
  assert.deepEqual(
    log.entries("usb-1").map(({ message }) => message),
    ["a", "c", "d"],
  );
});

test("a file that cannot be written costs the file's entries only", () => {
  const log = new EventLog(join(folder, "missing", "events.jsonl"));
  log.add(entry("kept"));
  log.add(entry("kept too"));
  assert.equal(log.entries(null).length, 2);
});
