// Runs in: tests.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { block } from "@ring3/classes/block/contract";
import { parseCrashReport } from "@ring3/control/crash";
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import { crashReport } from "./crash-report.ts";
import { CrashStore } from "./crash-store.ts";
import { crash } from "./fake-host.fixture.ts";
import { inSources } from "./source-map.ts";

test("a report is named by time, device and incarnation, and is what its reader accepts", () => {
  const report = crashReport(crash);
  assert.equal(report.id, "1800000000000-usb-1-4_1.0-3");
  assert.deepEqual(parseCrashReport(JSON.stringify(report)), report);
});

test("a stranger's text is made printable, and bounded in lines and columns", () => {
  const { stack } = crashReport({ ...crash, stack: `\x1b[31mred\n${"deep\n".repeat(500)}` });
  assert.deepEqual([stack[0], stack.length], ["[31mred", 40]);
  const [line] = crashReport({ ...crash, stack: "x".repeat(5000) }).stack;
  assert.equal(line!.length, 300);
});

test("records are put into the words of the class's contract", () => {
  const { nr } = block.operations.write;
  const entry = { ageUs: 5, d: 0, text: "" };
  const { recorder, inFlight } = crashReport({
    ...crash,
    recorded: [
      { ...entry, kind: "request", a: 2, b: 7, c: nr },
      { ...entry, kind: "submit", a: 9, b: 0x81, c: 512 },
      { ...entry, kind: "reap", a: 9, b: 13, c: 32 },
      { ...entry, kind: "answer", a: 2, b: 7, c: 65_000 },
      { ...entry, kind: "request", a: 2, b: 8, c: 99 },
    ],
  });
  assert.deepEqual(
    recorder.map(({ text }) => text),
    [
      "write on slot 7 of channel 2",
      "transfer 9: 512 bytes, endpoint 1 in",
      "transfer 9: 13 bytes moved, errno 32",
      "outcome 65000 on slot 7 of channel 2",
      "operation 99 on slot 8 of channel 2",
    ],
  );
  assert.deepEqual(inFlight, [{ operation: "operation 99", channel: 2, slot: 8, ageUs: 5 }]);
});

test("a report that a dead manager has not finished is none, and in nobody's way", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "r3-crashes-"));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "unfinished"), '{"id":"');
  const store = new CrashStore(
    folder,
    createLog("test", () => {}, manualClock()),
  );
  assert.deepEqual(store.list(null), []);
  store.add(crashReport(crash));
  const [report] = store.list(null);
  assert.deepEqual(readdirSync(folder), [`${report!.id}.json`]);
});

test("the store keeps the latest hundred, and a folder that cannot be written costs a report and a line", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "r3-crashes-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const logged: string[] = [];
  const log = createLog("test", ({ level, message }) => logged.push(`${level}: ${message}`), manualClock());
  const store = new CrashStore(join(folder, "crashes"), log);
  for (let count = 0; count < 103; count++) store.add(crashReport({ ...crash, time: crash.time + count }));
  const files = readdirSync(join(folder, "crashes")).toSorted();
  assert.deepEqual([files.length, files[0]], [100, "1800000000003-usb-1-4_1.0-3.json"]);
  parseCrashReport(readFileSync(join(folder, "crashes", files[0]!), "utf8"));
  writeFileSync(join(folder, "file"), "");
  new CrashStore(join(folder, "file"), log).add(crashReport(crash));
  assert.match(logged.at(-1)!, /^error: no crash report of usb-1-4:1\.0: EEXIST/);
  assert.ok(existsSync(join(folder, "file")));
});

const map = JSON.stringify({
  version: 3,
  sources: ["../../../drivers/usb-storage/disk.ts"],
  names: [],
  mappings: "AAAA;AACA;AACA", // line n of the bundle is line n of the source
});

test("places in the bundle become places in the sources; others' places and strangers' maps change nothing", () => {
  const stack = "Error: x\n    at read (driver:usb-storage:2:5)\n    at driver:other:2:5";
  assert.equal(
    inSources(stack, "usb-storage", map),
    "Error: x\n    at read (drivers/usb-storage/disk.ts:2:5)\n    at driver:other:2:5",
  );
  for (const none of [undefined, "", "{}", "[]", "null", '{"version":3,"mappings":7}'])
    assert.equal(inSources(stack, "usb-storage", none), stack);
});
