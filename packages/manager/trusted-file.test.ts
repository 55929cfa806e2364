// Runs in: node --test. Owns: a folder with files that others could have written, and links to what they could not read.
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { readTrusted } from "./trusted-file.ts";

const SOMEBODY = 12345;
const isRoot = process.geteuid!() === 0;
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function setUp() {
  const folder = mkdtempSync(join(tmpdir(), "r3-trusted-"));
  folders.push(folder);
  const file = join(folder, "mapping.yaml");
  writeFileSync(file, "text", { mode: 0o644 });
  const read = (path = file) => readTrusted(path, 8);
  return { folder, file, read };
}

test("one's own file is read, through links of one's own, also through those that lead up", () => {
  const { folder, file, read } = setUp();
  mkdirSync(join(folder, "deep"));
  symlinkSync("../mapping.yaml", join(folder, "deep", "up"));
  symlinkSync(join(folder, "deep"), join(folder, "over"));
  assert.deepEqual([read(), read(join(folder, "over", "up"))], ["text", "text"]);
  writeFileSync(file, "x".repeat(32));
  assert.equal(read().length, 32);
});

test("a file or a folder that all can write is refused; a folder like /tmp is not", () => {
  const { folder, file, read } = setUp();
  chmodSync(folder, 0o1777);
  assert.equal(read(), "text");
  chmodSync(folder, 0o777);
  assert.throws(read, { message: `expected that nobody else can write ${folder}` });
  chmodSync(folder, 0o755);
  chmodSync(file, 0o646);
  assert.throws(read, { message: `expected that nobody else can write ${file}` });
});

test("somebody's file, link or folder, and a group's file, are refused", { skip: !isRoot }, () => {
  const { folder, file, read } = setUp();
  const link = join(folder, "link");
  symlinkSync("/etc/shadow", link);
  lchownSync(link, SOMEBODY, SOMEBODY);
  assert.throws(() => read(link), /link to be root's or ring3's own, found it to be user 12345's/);
  chownSync(file, SOMEBODY, SOMEBODY);
  assert.throws(read, /mapping.yaml to be root's/);
  chownSync(file, 0, SOMEBODY);
  chmodSync(file, 0o664);
  assert.throws(read, /nobody else can write/);
  chmodSync(file, 0o644);
  chownSync(folder, SOMEBODY, 0);
  assert.throws(read, new RegExp(`${folder} to be root's`));
});

test("links in a circle, a folder and a file that does not say how long it is have an end", () => {
  const { folder, read } = setUp();
  const link = join(folder, "link");
  symlinkSync(link, link);
  assert.throws(() => read(link), /expected at most 40 links/);
  assert.throws(() => read(folder), { message: "expected a file" });
  assert.throws(() => read("/proc/self/maps"), { message: "expected at most 8 characters" });
});
