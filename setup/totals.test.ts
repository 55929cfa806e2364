import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const TESTS = `
import { test } from "node:test";
test("right", () => {});
test("left out", { skip: true }, () => {});
test("wrong", () => { throw new Error("what failed\\nand where"); });
test("late", { timeout: 50 }, () => new Promise((done) => setTimeout(done, 500)));
test("around", async (t) => { await t.test("within", () => { throw new Error("inner"); }); });
`;

test("a run's totals name each test that failed with its error's first line, and not the one around it", () => {
  const folder = mkdtempSync(join(tmpdir(), "ring3-totals-"));
  try {
    const file = join(folder, "some.test.mjs");
    writeFileSync(file, TESTS);
    const reporter = join(import.meta.dirname, "totals.ts");
    const { NODE_TEST_CONTEXT: _, ...env } = process.env; // a runner of its own
    const { stdout } = spawnSync(process.execPath, ["--test", `--test-reporter=${reporter}`, file], {
      encoding: "utf8",
      env,
    });
    assert.deepEqual(JSON.parse(stdout), {
      passed: 1,
      failed: 4,
      skipped: 1,
      failures: [
        "some.test.mjs: wrong: what failed",
        "some.test.mjs: late: test timed out after 50ms",
        "some.test.mjs: within: inner",
      ],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
