// Runs in: make setup, with a host's flags and no jail: `NAME CODE CACHE`. Owns: CACHE, what V8 makes of a driver's code while it rehearses.
import { readFileSync, writeFileSync } from "node:fs";
import { encodeDriverCache } from "../packages/control/driver-files.ts";
import { driverFile } from "../packages/control/driver-stack.ts";
import { driverScript, instancesOf } from "../packages/host/loader.ts";
import { systemClock } from "../packages/kernel/clock/clock.ts";
import { rehearseDriver } from "../packages/sdk/rehearsal.ts";

const [name, file, cache] = process.argv.slice(2) as [string, string, string];
const code = readFileSync(file);
const script = driverScript(driverFile(name), code, new Uint8Array(0));
rehearseDriver(instancesOf(name, script), systemClock).then(() =>
  writeFileSync(cache, encodeDriverCache(code, script.createCachedData())),
);
