// Runs in: node --test. Owns: folders that are not there, and one that is.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import { systemClock } from "@ring3/kernel/clock/clock";
import { type Found, fileSurroundings, WatchedFile } from "./watched-file.ts";

const file = "/etc/ring3/mapping.yaml";

function setUp() {
  const clock = manualClock();
  const there = new Map<string, string>([["/", ""]]);
  const watched = new Map<string, () => void>();
  const found: Found[] = [];
  const log: string[] = [];
  const surroundings = {
    watch(path: string, changed: () => void) {
      if (there.get(path) === "unwatchable") throw new Error("no more watches");
      watched.set(path, changed);
      return { close: () => watched.delete(path) };
    },
    exists: (path: string) => there.has(path),
    read: (path: string) => there.get(path),
  };
  const entry = createLog("test", ({ level, message }) => void log.push(`${level}: ${message}`), clock);
  const watching = new WatchedFile(file, surroundings, clock, entry, (text) => void found.push(text));
  watching.look();
  return { clock, there, watched, found, log, watching };
}

test("a file whose folder is not there yet: the nearest folder is watched, then the folder, then the file too", () => {
  const { clock, there, watched, found } = setUp();
  assert.deepEqual([[...watched.keys()], found], [["/"], [undefined]]);
  there.set("/etc", "").set("/etc/ring3", "");
  watched.get("/")!();
  clock.advance(100);
  assert.deepEqual([...watched.keys()], ["/etc/ring3"]);
  there.set(file, "one");
  watched.get("/etc/ring3")!();
  clock.advance(100);
  assert.deepEqual([[...watched.keys()], found.at(-1)], [["/etc/ring3", file], "one"]);
});

test("it is read once its writer is quiet, or after a second where that goes on and on", () => {
  const { clock, there, watched, found } = setUp();
  there.set("/etc", "").set("/etc/ring3", "").set(file, "half");
  watched.get("/")!();
  clock.advance(100);
  found.length = 0;
  for (let times = 0; times < 9; times++) {
    watched.get(file)!();
    clock.advance(90);
  }
  assert.deepEqual(found, []);
  clock.advance(10);
  assert.deepEqual([found, clock.pending], [["half"], 0]);
  for (let times = 0; times < 12; times++) {
    watched.get(file)!();
    clock.advance(90);
  }
  assert.equal(found.length, 2);
});

test("closed, it neither watches nor waits; what cannot be watched is said once", () => {
  const { clock, there, watched, watching, log } = setUp();
  there.set("/", "unwatchable");
  for (let times = 0; times < 2; times++) watching.look();
  assert.deepEqual(log, [`warn: changes of ${file} are seen only when "ring3 map" looks: no more watches`]);
  there.set("/", "");
  watching.look();
  watched.get("/")!();
  watching.close();
  assert.deepEqual([clock.pending, watched.size], [0, 0]);
});

test("a real file: made, written, replaced by a rename, behind a link, removed; what is no file or too long is an error", async () => {
  const folder = mkdtempSync(join(tmpdir(), "r3-watched-"));
  const real = join(folder, "etc", "mapping.yaml");
  const target = join(folder, "target");
  let heard = Promise.withResolvers<Found>();
  let last: Found = "nothing yet";
  const log = createLog("test", () => {}, systemClock);
  const watching = new WatchedFile(real, fileSurroundings(8), systemClock, log, (text) => {
    const is = text instanceof Error ? text.message : text;
    if (is === last) return; // several events may tell of one change
    last = is;
    heard.resolve(is);
  });
  const hears = async (act: () => void) => {
    heard = Promise.withResolvers();
    act();
    return await heard.promise;
  };
  try {
    assert.equal(await hears(() => watching.look()), undefined);
    mkdirSync(join(folder, "etc"));
    assert.equal(await hears(() => writeFileSync(real, "one")), "one");
    assert.equal(await hears(() => writeFileSync(real, "two")), "two");
    writeFileSync(target, "three");
    assert.equal(await hears(() => renameSync(target, real)), "three");
    rmSync(real);
    writeFileSync(target, "four");
    assert.equal(await hears(() => symlinkSync(target, real)), "four");
    assert.equal(await hears(() => writeFileSync(target, "five")), "five");
    assert.equal(await hears(() => writeFileSync(target, "x".repeat(33))), "expected at most 8 characters");
    assert.equal(await hears(() => rmSync(real)), undefined);
    assert.equal(await hears(() => mkdirSync(real)), "expected a file");
  } finally {
    watching.close();
    rmSync(folder, { recursive: true });
  }
});
