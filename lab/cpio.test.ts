// Runs in: node --test, unit stage. busybox judges the archive: it unpacks what the kernel would.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { cpio, DIRECTORY, FILE, PROGRAM } from "./cpio.ts";

const folder = mkdtempSync(join(tmpdir(), "ring3-cpio-"));
after(() => rmSync(folder, { recursive: true }));

test("an archive of a folder, a program and files of every padding is unpacked as it was", () => {
  const bodies = ["", "1", "12", "123", "1234"];
  const archive = cpio([
    { name: "bin", mode: DIRECTORY },
    { name: "bin/run", mode: PROGRAM, data: Buffer.from("#!/bin/sh\n") },
    ...bodies.map((body) => ({ name: `bin/${body.length}`, mode: FILE, data: Buffer.from(body) })),
  ]);
  const run = spawnSync("busybox", ["cpio", "-idm"], { cwd: folder, input: archive, encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  assert.deepEqual(
    bodies.map((body) => readFileSync(join(folder, "bin", String(body.length)), "utf8")),
    bodies,
  );
  assert.equal(statSync(join(folder, "bin/run")).mode & 0o777, 0o755);
});
