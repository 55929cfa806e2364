// Runs in: tests. Owns: scratch images. Judged by dosfstools and mtools, which nobody here wrote.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { scratch } from "../usbip/test/sim-process.ts";
import { type FatFile, makeFatImage } from "./fat.ts";
import { pattern } from "./test/bulk-only-host.ts";

const MIB = 1048576;
const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, MTOOLS_SKIP_CHECK: "1" };

const files: FatFile[] = [
  { name: "README.TXT", bytes: Buffer.from("hello\r\n") },
  { name: "A file with a long name.txt", bytes: pattern(100_000, 3) },
  { name: "Ünïcode and exactly 26 u.t", bytes: pattern(4096, 4) },
  { name: "empty.bin", bytes: new Uint8Array(0) },
];

function build(path: string, sizeBytes: number, sectorBytes: number): void {
  writeFileSync(path, "");
  truncateSync(path, sizeBytes);
  const fd = openSync(path, "r+");
  for (const { offset, bytes } of makeFatImage({ sizeBytes, sectorBytes, label: "Ring3 Demo", files }))
    writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { env: environment, encoding: "latin1" });
}

for (const [sizeBytes, sectorBytes, kind] of [
  [64 * MIB, 512, "16"],
  [8 * MIB, 512, "16"],
  [64 * MIB, 4096, "16"],
  [1024 * MIB, 512, "32"],
  [1024 * MIB, 4096, "32"],
] as const) {
  test(`a FAT${kind} volume of ${sizeBytes / MIB} MiB with ${sectorBytes}-byte sectors: fsck.fat finds nothing, mtools find the files`, () => {
    using folder = scratch();
    const path = folder.path("fat.img");
    build(path, sizeBytes, sectorBytes);
    const verdict = run("fsck.fat", "-n", "-v", path);
    assert.match(verdict, new RegExp(`${kind} bits|${kind} bit`));
    assert.doesNotMatch(verdict, /differ|wrong|invalid|dirty/i);
    assert.match(run("mlabel", "-s", "-i", path, "::"), /RING3 DEMO/);
    assert.match(run("mdir", "-b", "-i", path, "::"), /A file with a long name\.txt/);
    for (const [i, file] of [0, 1, 3].map((each) => files[each]!).entries()) {
      const copy = folder.path(`copy-${i}`);
      run("mcopy", "-i", path, `::${file.name}`, copy);
      assert.deepEqual(readFileSync(copy), Buffer.from(file.bytes), file.name);
    }
  });
}

test("a size that no FAT has, a label too long, a name that is none: RangeError", () => {
  const make = (change: object) => () =>
    makeFatImage({ sizeBytes: 64 * MIB, sectorBytes: 512, label: "X", files: [], ...change });
  assert.throws(make({ sizeBytes: 65536 }), RangeError);
  assert.throws(make({ label: "far too long a label" }), RangeError);
  assert.throws(make({ files: [{ name: "a/b", bytes: new Uint8Array(1) }] }), RangeError);
  assert.throws(
    make({ sizeBytes: 8 * MIB, files: [{ name: "A", bytes: Buffer.alloc(9 * MIB) }] }),
    RangeError,
  );
});

test("any size from 4 MiB to 4 GiB: no extent lies outside the volume", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 4 * 256, max: 4096 * 256 }),
      fc.constantFrom(512, 4096),
      (units, sectorBytes) => {
        const sizeBytes = units * 4096 * (sectorBytes / 512); // 4096-byte sectors need the more clusters
        const extents = makeFatImage({ sizeBytes, sectorBytes, label: "X", files });
        const ends = extents.map((each) => each.offset + each.bytes.length);
        assert.ok(Math.max(...ends) <= sizeBytes);
      },
    ),
    { numRuns: 50 },
  );
});
