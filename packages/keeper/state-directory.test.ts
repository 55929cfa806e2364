// Runs in: node --test. Owns: a temporary folder.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { claimStateDirectory } from "./state-directory.ts";

const folder = mkdtempSync(join(tmpdir(), "ring3-"));
after(() => rmSync(folder, { recursive: true }));

test("a directory that is not there is made, with its parents, for others to pass through only", () => {
  const directory = join(folder, "a/b");
  claimStateDirectory(directory).close();
  assert.equal(statSync(directory).mode & 0o777, 0o711);
});

test("a second claim is refused and names the process that has the first", () => {
  const lock = claimStateDirectory(join(folder, "held"));
  assert.throws(() => claimStateDirectory(join(folder, "held")), new RegExp(`process ${process.pid}`));
  lock.close();
  claimStateDirectory(join(folder, "held")).close();
});

for (const [what, path] of [
  ["a place that takes no entries", "/proc/x"],
  ["a file", join(folder, "file")],
] as const)
  test(`${what} is refused, with what to do`, () => {
    writeFileSync(join(folder, "file"), "");
    assert.throws(() => claimStateDirectory(path), /--state-dir/);
  });
