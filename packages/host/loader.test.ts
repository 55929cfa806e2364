// Runs in: tests. Owns: a process that loads a driver's code as hosts do.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { driverScript, instancesOf, loadDriver } from "./loader.ts";

const NONE = new Uint8Array(0);
const driver = join(import.meta.dirname, "../../build/drivers/usb-storage");
const bytes = (text: string) => new TextEncoder().encode(text);

test("what make setup has made of a driver's code is taken by V8 under a host's flags", () => {
  const script = `
    import { readFileSync } from "node:fs";
    import { decodeDriverCache } from "${join(import.meta.dirname, "../control/driver-files.ts")}";
    import { driverScript } from "${join(import.meta.dirname, "loader.ts")}";
    const code = readFileSync("${driver}/driver.cjs");
    const made = decodeDriverCache(code, readFileSync("${driver}/driver.cache"));
    console.log(driverScript("driver:usb-storage", code, made).cachedDataRejected);`;
  const flags = [
    "--max-semi-space-size=1",
    "--max-old-space-size=256",
    "--disable-warning=ExperimentalWarning",
  ];
  const args = [...flags, "--input-type=module", "-e", script];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(stdout, "false\n", stderr);
});

test("a cache that is none is passed over", () => {
  const script = driverScript("driver:odd", bytes("module.exports.default = 7"), bytes("no cache"));
  assert.equal(script.cachedDataRejected, true);
  assert.throws(instancesOf("odd", script), { kind: "invalid" }); // it has run: what it gives is no driver
});

for (const when of ["now", "when called"] as const)
  test(`compiled ${when}: a mistake in the code is told with its line and column`, () => {
    assert.throws(() => loadDriver("odd", "driver:odd", bytes("\n  const;\n"), NONE, when), {
      kind: "invalid",
      message: /^driver:odd:2: SyntaxError/,
    });
    const thrown = loadDriver("odd", "driver:odd", bytes("/**/ throw new Error('first line')"), NONE, when);
    assert.throws(thrown, ({ stack }: Error) => /driver:odd:1:12\b/.test(stack!));
  });
