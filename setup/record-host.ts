// Runs in: make setup, as a driver host without a jail: `CODE CACHE`. Owns: CACHE, written when the manager's connection ends.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { hostScript, run, TAG_BYTES } from "../packages/host/code.ts";

const [code, cache] = process.argv.slice(2) as [string, string];
const script = hostScript(code, new Uint8Array(0));
process.on("exit", () => {
  const tag = readFileSync(code).subarray(-TAG_BYTES);
  writeFileSync(cache, Buffer.concat([tag, script.createCachedData()]));
});
run(script, require, code, dirname(code));
