// Runs in: tests. Owns: processes that load a host's code as hosts do.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { codeFiles, hostScript } from "./code.ts";

const build = join(import.meta.dirname, "../../build");
const folder = mkdtempSync(join(tmpdir(), "r3-code-"));
after(() => rmSync(folder, { recursive: true }));

/** What V8 says of the cache, in a process with a host's flags. */
function rejected(directory: string, ...flags: string[]): string {
  const script = `
    const { readFileSync } = require("node:fs");
    const { Script } = require("node:vm");
    const { code, cache } = ${JSON.stringify(codeFiles(directory, flags.includes("--jitless")))};
    const source = "(function (exports, require, module, __filename, __dirname) {" + readFileSync(code, "latin1") + "\\n})";
    console.log(new Script(source, { filename: code, cachedData: readFileSync(cache).subarray(32) }).cachedDataRejected);`;
  const options = ["--max-semi-space-size=1", "--max-old-space-size=256", "--disable-sigusr1", ...flags];
  const { stdout, stderr } = spawnSync(process.execPath, [...options, "-e", script], { encoding: "utf8" });
  return stdout.trim() || stderr;
}

test("what make setup has made of the host's code is taken by V8 under a host's flags, of either tier", () => {
  assert.equal(rejected(build), "false");
  assert.equal(rejected(build, "--jitless"), "false");
});

test("what was made of other code, as long as it may be, is not looked at", () => {
  const { code, cache } = codeFiles(folder, false);
  const original = readFileSync(codeFiles(build, false).code, "latin1");
  copyFileSync(codeFiles(build, false).cache, cache);
  const other = original.replace(/[0-9a-f]{32}$/, "0".repeat(32));
  for (const [text, isSame] of [
    [original, true],
    [other, false],
  ] as const) {
    writeFileSync(code, text);
    assert.equal(hostScript(code, readFileSync(cache)).cachedDataRejected !== undefined, isSame);
  }
});
