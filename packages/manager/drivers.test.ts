// Runs in: tests.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { encodeDriverCache } from "@ring3/control/driver-files";
import type { UsbFacts } from "@ring3/control/match";
import { manualClock } from "@ring3/core/clock";
import { createLog, type LogEntry } from "@ring3/core/log";
import { readSealed } from "@ring3/kernel/shm/memory";
import { chooseDriver, installedDrivers } from "./drivers.ts";
import { busDevice, manifest } from "./fake-host.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "ring3-drivers-"));
after(() => rmSync(folder, { recursive: true }));

function install(name: string, code: string | undefined, changes: object = {}, below = folder): void {
  const { limits: _limits, ...fields } = manifest;
  mkdirSync(join(below, name));
  writeFileSync(join(below, name, "driver.json"), JSON.stringify({ ...fields, name, ...changes }));
  if (code !== undefined) writeFileSync(join(below, name, "driver.cjs"), code);
}

install("good", "exports.default = 1");
install("twin", "exports.default = 2");
install("no-code", undefined);
install("no-class", "", { class: "teapot" });
install("no-match", "", { match: [] });

function read(...paths: string[]) {
  const entries: LogEntry[] = [];
  const log = createLog("manager", (entry) => entries.push(entry), manualClock());
  return { drivers: installedDrivers(paths, log), said: entries.map(({ message }) => message) };
}

test("what is wrong with a driver or a path is said, and leaves the others be", () => {
  const { drivers, said } = read(folder, join(folder, "missing"));
  assert.deepEqual(
    drivers.map(({ manifest }) => manifest.name),
    ["good", "twin"],
  );
  assert.equal(said.length, 4);
  assert.match(said.join("\n"), /no-class.*teapot.*no driver\.cjs.*no-match.*missing/s);
});

test("all devices of a driver are given the one code that was there at the start", () => {
  const { drivers } = read(folder);
  writeFileSync(join(folder, "good", "driver.cjs"), "exports.default = 'changed'");
  const chosen = chooseDriver(busDevice().facts, drivers)!;
  assert.equal(chosen.manifest.name, "good");
  assert.equal(new TextDecoder().decode(readSealed(chosen.code.fd)), "exports.default = 1");
  assert.equal(chooseDriver(busDevice().facts, drivers)!.code, chosen.code);
});

test("what V8 has made of a driver's code goes along with it; what it has made of other code is left out, and that is said", () => {
  const own = mkdtempSync(join(tmpdir(), "ring3-cached-drivers-"));
  after(() => rmSync(own, { recursive: true }));
  const [code, other, made] = ["exports.default = 1", "exports.default = 2", "made of it"].map((text) =>
    new TextEncoder().encode(text),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  install("fresh", "exports.default = 1", {}, own);
  install("stale", "exports.default = 2", {}, own);
  for (const name of ["fresh", "stale"])
    writeFileSync(join(own, name, "driver.cache"), encodeDriverCache(code, made));
  const { drivers, said } = read(own);
  const held = drivers.map(({ code: memory, codeBytes }) => {
    const bytes = readSealed(memory.fd);
    return [bytes.subarray(0, codeBytes), bytes.subarray(codeBytes)].map((part) => Buffer.from(part));
  });
  assert.deepEqual(held, [
    [Buffer.from(code), Buffer.from(made)],
    [Buffer.from(other), Buffer.alloc(0)],
  ]);
  assert.match(
    said.join("\n"),
    /^\S*stale\/driver\.cache was made of other code: the driver starts slower without it$/,
  );
});

test("a device that no driver wants gets none", () => {
  const { drivers } = read(folder);
  assert.equal(chooseDriver({ ...(busDevice().facts as UsbFacts), interfaceClass: 3 }, drivers), undefined);
});

test("the first driver of a name stands for the later ones: one that does not match is never chosen by its namesake's rules", () => {
  const own = mkdtempSync(join(tmpdir(), "ring3-own-drivers-"));
  after(() => rmSync(own, { recursive: true }));
  install("good", "exports.default = 3", { match: [{ usb: { interface: { class: 3 } } }] }, own);
  const { drivers, said } = read(own, folder);
  assert.deepEqual(
    drivers.map(({ manifest }) => manifest.name),
    ["good", "twin"],
  );
  assert.equal(chooseDriver(busDevice().facts, drivers)!.manifest.name, "twin");
  assert.match(said.join("\n"), /good left out: one named good was found before it/);
});
