// Runs in: tests. Owns: nothing. Drivers that misbehave, as source text, and the folders that `--drivers` takes.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** In every driver's file: a unit that works, and `drive(probe)`. */
const prelude = `
const { block, decline, defineDriver } = require("@ring3/sdk");
const properties = { ...block.properties.create(), sectorBytes: 512, maxTransferSectors: 2048, sectors: 8192, flags: 16 };
const unit = { properties, concurrency: 64, read(_, call) { call.data.fill(7); }, write() {}, flush() {} };
const drive = (probe) => { module.exports.default = defineDriver(block, { probe }); };
`;

export interface HostileDriver {
  /** What its file has, behind the prelude. */
  readonly code: string;
  readonly manifest?: object;
}

/** A folder of drivers. Each matches the simulated drive whose serial number is its name, and so wins over usb-storage. */
export function writeDrivers(folder: string, drivers: Readonly<Record<string, HostileDriver>>): void {
  for (const [name, { code, manifest }] of Object.entries(drivers)) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "driver.cjs"), `${prelude}${code}\n`);
    const match = [{ usb: { vendor: "0x1209", product: "0x0001", serial: name } }];
    const described = {
      name,
      version: "1.0.0",
      sdk: "^0.1.0",
      class: "block",
      match,
      grants: ["usb"],
      ...manifest,
    };
    writeFileSync(join(folder, name, "driver.json"), JSON.stringify(described));
  }
}

interface Quarantined extends HostileDriver {
  /** Of the last of its five failures. */
  readonly reason: RegExp;
  /** Besides, in the log. */
  readonly log?: RegExp;
}

const quick = { limits: { probeMs: 500, hangMs: 1000 } };
const small = { limits: { memoryMb: 64 } };

/** Drivers that never come to serve, or not for long. */
export const quarantined: Readonly<Record<string, Quarantined>> = {
  "throws in probe": {
    code: `drive(() => { throw new Error("no such chip"); })`,
    reason: /^probe: probe threw Error: no such chip$/,
    log: /error: probe threw: Error: no such chip {5}at Object.probe \(driver:/,
  },
  rejects: {
    code: `drive(async () => { throw new TypeError("not this one"); })`,
    reason: /^probe: probe threw TypeError: not this one$/,
  },
  "never returns from probe": {
    code: `drive(() => new Promise(() => {}))`,
    manifest: quick,
    reason: /^probe: it has not returned within 500 ms$/,
  },
  "loops in probe": {
    code: `drive(() => { for (;;); })`,
    manifest: { limits: { hangMs: 1000 } },
    reason: /^heartbeat: no heartbeat for \d+ ms$/,
  },
  "loops in microtasks": {
    code: `drive(() => { const again = () => Promise.resolve().then(again); return again(); })`,
    manifest: quick,
    reason: /^(heartbeat: no heartbeat for|probe: it has not returned within|memory: holds) \d+/,
  },
  "returns nothing": {
    code: `drive(() => {})`,
    reason: /^probe: unit 0: expected an object, found undefined$/,
  },
  "returns no units": {
    code: `drive(() => [])`,
    reason: /^probe: probe's result: expected 1 to 64 units, found 0$/,
  },
  "returns 65 units": {
    code: `drive(() => Array(65).fill(unit))`,
    reason: /expected 1 to 64 units, found 65$/,
  },
  "lacks an operation": {
    code: `drive(() => ({ ...unit, write: undefined }))`,
    reason: /^probe: unit 0, member "write": expected a function, found undefined$/,
  },
  "misspells an operation": {
    code: `drive(() => ({ ...unit, dicsard() {} }))`,
    reason: /^probe: unit 0, member "dicsard": expected an operation of "block" \(read, .*discard/,
  },
  "has no properties": {
    code: `drive(() => ({ ...unit, properties: 7 }))`,
    reason: /^probe: unit 0, member "properties": expected an object, found number$/,
  },
  "has a property out of range": {
    code: `drive(() => ({ ...unit, properties: { ...properties, sectors: -1 } }))`,
    reason: /^probe: unit 0, member "properties": sectors: expected .* found -1/,
  },
  "has sectors of no bytes": {
    code: `drive(() => ({ ...unit, properties: { ...properties, sectorBytes: 0 } }))`,
    reason: /^probe: unit 0: sectorBytes: expected a power of two from 512 to 65536, found 0$/,
  },
  "has an unheard-of concurrency": {
    code: `drive(() => ({ ...unit, concurrency: 0 }))`,
    reason: /^probe: unit 0, member "concurrency": expected an integer from 1 to 4096, found 0$/,
  },
  "throws later": {
    code: `drive(() => { setTimeout(() => { throw new Error("later"); }, 20); return unit; })`,
    reason: /^crash: Error: later at Timeout._onTimeout \(driver:throws-later:\d+:\d+\)$/,
    log: /error: the driver threw: Error: later {5}at Timeout/,
  },
  "rejects behind everyone's back": {
    code: `drive(() => { Promise.reject(new Error("nobody listens")); return unit; })`,
    reason: /^crash: Error: nobody listens at Object.probe/,
  },
  exits: {
    code: `drive(() => process.exit(0))`,
    reason: /^crash: the driver ended its process with code 0$/,
  },
  aborts: {
    code: `drive(() => process.abort())`,
    reason: /^signal: the process was ended by SIGABRT; it said: /,
  },
  "fills the heap": {
    code: `drive(() => { setTimeout(() => { const all = []; for (;;) all.push({ all: [all.length] }); }, 1); return unit; })`,
    manifest: { limits: { ...small.limits, hangMs: 60_000 } }, // it hangs as well, and a slow machine fills slowly
    reason: /^(memory: holds \d+ MB, may hold 64 MB|signal: .*SIGABRT.*heap out of memory)/,
  },
  "fills buffers": {
    code: `drive(() => { const all = []; setInterval(() => all.push(Buffer.alloc(4 << 20, 1)), 5); return unit; })`,
    manifest: small,
    reason:
      /^memory: (holds \d+ MB, may hold 64 MB|RangeError: (Failed to allocate memory|Array buffer allocation failed) at .*)$/,
  },
  "fills buffers in probe": {
    code: `drive(() => new Promise(() => { const all = []; setInterval(() => all.push(Buffer.alloc(4 << 20, 1)), 5); }))`,
    manifest: small,
    reason:
      /^memory: (holds \d+ MB, may hold 64 MB|RangeError: (Failed to allocate memory|Array buffer allocation failed) at .*)$/,
  },
  "never stops printing": {
    code: `drive(() => { setTimeout(() => { for (;;) process.getBuiltinModule("fs").writeSync(1, "x".repeat(65536)); }, 1); return unit; })`,
    manifest: quick,
    reason: /^heartbeat: no heartbeat for \d+ ms$/,
  },
  "hangs as it is loaded": {
    code: "for (;;);",
    manifest: quick,
    reason: /^(probe: it has not returned within 500 ms|heartbeat: no heartbeat for \d+ ms)$/, // whichever time is over first
  },
  "exits as it is loaded": {
    code: "process.exit(0)",
    reason: /^crash: the driver ended its process with code 0$/,
  },
  "throws as it is loaded": {
    code: `throw new Error("not on this machine")`,
    reason: /^probe: not on this machine/,
  },
  "breaks before it has a device": {
    code: `setTimeout(() => { throw new Error("too early"); }); drive(() => new Promise(() => {}))`,
    reason: /^crash: Error: too early/,
  },
  "exports no driver": {
    code: `module.exports.default = { probe: () => unit }`,
    reason: /^probe: the driver's default export: expected the result of defineDriver, found object$/,
  },
  "imports a file system": {
    code: `require("node:fs")`,
    reason:
      /^probe: driver imports-a-file-system imports "node:fs"; a driver may import @ring3\/sdk and its own files$/,
  },
  "is not JavaScript": {
    code: `const const`,
    reason: /^probe: driver:is-not-javascript:\d+: SyntaxError: Unexpected token 'const'$/,
  },
  "was built for another contract": {
    code: `module.exports.default = defineDriver({ ...block, version: 2, hash: "0123456789abcdef" }, { probe: () => unit })`,
    reason:
      /^probe: driver built for block version 2 \(0123456789abcdef\), this ring3 has block version 1 \([0-9a-f]{16}\)$/,
  },
};

/** Drivers that go on to serve. */
export const serving: Readonly<Record<string, HostileDriver>> = {
  "mends itself": {
    code: `drive((_, ctx) => { if (ctx.incarnation <= 5) throw new Error("not yet"); return unit; })`,
  },
  "has a bad sector": {
    code: `
const bad = { 13: () => { for (;;); }, 14: () => new Promise(() => {}), 15: () => process.exit(3), 16: (call) => { call.length = -1; },
  17: (call) => { call.length = 1e9; }, 18: (call) => { call.length = NaN; }, 19: () => { throw new Error("bad sector"); } };
drive(() => ({ ...unit, read({ lba }, call) { call.data.fill(lba); return bad[lba]?.(call); } }))`,
  },
  floods: {
    code: `
drive((_, ctx) => {
  ctx.every(1, () => {
    for (let i = 0; i < 5000; i++) { ctx.log.info("line " + i); ctx.emit("powerLost"); }
  });
  return unit;
})`,
  },
  "speaks in escapes": {
    code: `
drive((_, ctx) => {
  ctx.log.warn("\\u001b[2J\\u0007\\u202edrowssap\\u009b31m", { "\\u001bkey": "\\u001b]0;title\\u0007" });
  const error = new Error("\\u001b[31mred\\u0007\\nsecond line\\u2028third");
  error.stack = "\\u001b[32mgreen\\u0007\\n    at \\u009b1mbold";
  if (ctx.incarnation === 1) throw error;
  if (ctx.incarnation === 2) setTimeout(() => { throw error; }, 1);
  return unit;
})`,
  },
  forks: {
    code: `
drive((_, ctx) => {
  const { spawnSync } = process.getBuiltinModule("child_process");
  ctx.log.info("spawn: " + spawnSync(process.execPath, ["-e", ""]).error?.code);
  return unit;
})`,
  },
  "wants another sdk": { code: `drive(() => unit)`, manifest: { sdk: "^9.0.0" } },
};

export const nameOf = (title: string) => title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
