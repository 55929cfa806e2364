// Runs in: node --test. Owns: a temporary folder.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
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

for (const [before, after] of [
  [0o700, 0o711],
  [0o755, 0o755],
  [0o777, 0o755],
] as const)
  test(`a directory of mode ${before.toString(8)} that was there gets mode ${after.toString(8)}`, () => {
    const directory = join(folder, before.toString(8));
    mkdirSync(directory);
    chmodSync(directory, before);
    claimStateDirectory(directory).close();
    assert.equal(statSync(directory).mode & 0o777, after);
  });

for (const [what, make, mode] of [
  ["a file", (path: string) => writeFileSync(path, ""), 0o644],
  ["a directory that is everybody's", (path: string) => mkdirSync(path), 0o1777],
] as const)
  test(`${what} keeps the mode it has, and is refused`, () => {
    const path = join(folder, `kept-${mode}`);
    make(path);
    chmodSync(path, mode);
    assert.throws(() => claimStateDirectory(path), /--state-dir/);
    assert.equal(statSync(path).mode & 0o7777, mode);
  });
