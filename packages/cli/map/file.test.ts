// Runs in: node --test. Owns: a folder with mapping files, and things that are none.
import assert from "node:assert/strict";
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { readMapping, writeMapping } from "./file.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function setUp() {
  const folder = mkdtempSync(join(tmpdir(), "r3-map-"));
  folders.push(folder);
  return { folder, file: join(folder, "mapping.yaml") };
}

test("none is empty; one is written anew, in its own place, behind its link, and keeps who may read and write it, but no more", () => {
  const { folder, file } = setUp();
  assert.equal(readMapping(file), "");
  writeMapping(file, "", "one");
  assert.deepEqual([readMapping(file), statSync(file).mode & 0o7777], ["one", 0o644]);
  chmodSync(file, 0o4750);
  const link = join(folder, "link");
  symlinkSync(file, link);
  writeMapping(link, "one", "two");
  assert.deepEqual([readFileSync(file, "utf8"), statSync(file).mode & 0o7777], ["two", 0o640]);
  assert.throws(() => writeMapping(file, "one", "three"), /somebody has changed it meanwhile/);
});

test("what is no file, or longer than ring3 reads, is not read, and nothing is written over it", () => {
  const { folder, file } = setUp();
  assert.throws(() => readMapping("/dev/null"), /\/dev\/null: it is no file/);
  assert.throws(() => readMapping(folder), /it is no file/);
  assert.throws(() => writeMapping(folder, "", "text"), /it is no file/);
  writeFileSync(file, "");
  truncateSync(file, 2 ** 32);
  assert.throws(() => readMapping(file), /expected at most \d+ characters/);
});

test("a byte order mark is read and written as it is; what is not UTF-8 is refused, since it could not be written back", () => {
  const { file } = setUp();
  writeFileSync(file, "\ufeffone");
  assert.equal(readMapping(file), "\ufeffone");
  writeMapping(file, "\ufeffone", "\ufefftwo");
  assert.equal(readFileSync(file, "utf8"), "\ufefftwo");
  writeFileSync(file, Uint8Array.of(0x23, 0xe9)); // "#é" in Latin-1
  assert.throws(() => readMapping(file), /it is not UTF-8/);
  assert.throws(() => writeMapping(file, "", "text"), /it is not UTF-8/);
});
