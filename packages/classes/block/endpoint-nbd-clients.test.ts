// Runs in: node --test. Owns: real NBD clients as processes: libnbd's tools, QEMU's and fio.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { systemClock } from "@ring3/kernel/clock/clock";
import { BLOCK_FUA, BLOCK_MEDIUM_PRESENT, BLOCK_READ_ONLY, BLOCK_ROTATIONAL } from "./contract.ts";
import { EXPORT_NAME, type ServeOptions, serveNbd } from "./endpoint-nbd.fixture.ts";

const run = promisify(execFile);
const MEBI = 1024 * 1024;
const present = BLOCK_MEDIUM_PRESENT | BLOCK_FUA;

const serve = (t: TestContext, options: ServeOptions = {}) =>
  serveNbd(t, systemClock, {
    ...options,
    disk: { sectors: 16_384, slotBytes: MEBI, slots: 16, ...options.disk },
  });

interface ExportInfo {
  "export-size": number;
  "export-name": string;
  description?: string;
  is_read_only: boolean;
  block_size_minimum: number;
  block_size_preferred: number;
  block_size_maximum: number;
  can_multi_conn: boolean;
  can_trim: boolean;
  can_zero: boolean;
  can_flush: boolean;
  can_fua: boolean;
  can_df: boolean;
  can_cache: boolean;
  is_rotational: boolean;
}

async function nbdinfo(
  ...args: string[]
): Promise<{ protocol: string; structured: boolean; exports: [ExportInfo] }> {
  const { stdout } = await run("nbdinfo", ["--json", ...args]);
  return JSON.parse(stdout);
}

test("nbdinfo takes the address as it is and shows what is offered", async (t) => {
  const { endpoint } = serve(t);
  const { protocol, structured, exports } = await nbdinfo(endpoint.address);
  assert.deepEqual({ protocol, structured }, { protocol: "newstyle-fixed", structured: true });
  assert.partialDeepStrictEqual(exports[0], {
    "export-name": EXPORT_NAME,
    "export-size": 8 * MEBI,
    is_read_only: false,
    is_rotational: false,
    block_size_minimum: 512,
    block_size_preferred: 4096,
    block_size_maximum: 16 * MEBI,
    can_multi_conn: true,
    can_trim: true,
    can_zero: true,
    can_flush: true,
    can_fua: true,
    can_df: true,
    can_cache: true,
  });
});

test("nbdinfo --list shows name and description", async (t) => {
  const { endpoint } = serve(t);
  const { exports } = await nbdinfo("--list", endpoint.address);
  assert.partialDeepStrictEqual(exports, [{ "export-name": EXPORT_NAME, description: "a disk in memory" }]);
});

test("nbdinfo shows a read-only rotational disk with large sectors as such", async (t) => {
  const flags = present | BLOCK_READ_ONLY | BLOCK_ROTATIONAL;
  const { endpoint } = serve(t, { disk: { flags, sectorBytes: 4096 } });
  const { exports } = await nbdinfo(endpoint.address);
  const expected = { is_read_only: true, is_rotational: true, block_size_minimum: 4096, can_trim: false };
  assert.partialDeepStrictEqual(exports[0], expected);
});

test("qemu-io shows why there is no export", async (t) => {
  const { endpoint } = serve(t, { geometry: () => undefined });
  const asking = run("qemu-io", ["-f", "raw", "-c", "flush", endpoint.address]);
  await assert.rejects(asking, /server reported: export the disk: no medium is present/);
});

test("nbdcopy copies to the disk and back", async (t) => {
  const { endpoint, directory, disk } = serve(t);
  const image = join(directory, "image");
  const copy = join(directory, "copy");
  const bytes = randomBytes(8 * MEBI);
  bytes.fill(0, 2 * MEBI, 5 * MEBI);
  writeFileSync(image, bytes);
  disk.bytes.fill(0xff);
  await run("nbdcopy", ["--flush", image, endpoint.address]);
  await run("nbdcopy", [endpoint.address, copy]);
  assert.deepEqual(Buffer.from(disk.bytes), bytes);
  assert.deepEqual(readFileSync(copy), bytes);
  assert.equal(disk.freeSlots(), 16);
});

test("qemu-io writes, reads, zeroes, discards and flushes", async (t) => {
  const { endpoint, disk } = serve(t);
  const commands = ["write -P 7 4096 1M", "write -f -P 8 0 512", "read -P 7 4096 1M", "read -P 8 0 512"];
  commands.push("write -z 8192 64k", "read -P 0 8192 64k", "discard 1M 1M", "flush");
  const { stdout } = await run("qemu-io", [
    "-f",
    "raw",
    ...commands.flatMap((line) => ["-c", line]),
    endpoint.address,
  ]);
  assert.doesNotMatch(stdout, /fail|error/i);
  const names = new Set(disk.seen.map(({ name }) => name));
  assert.deepEqual([...names].sort(), ["discard", "flush", "read", "write", "writeZeroes"]);
});

test("fio verifies random writes of four clients", async (t) => {
  const { endpoint, directory, disk } = serve(t);
  const job = [
    "--name=verify",
    "--ioengine=nbd",
    `--uri=${endpoint.address}`,
    "--rw=randwrite",
    "--bsrange=512-128k",
  ];
  job.push(
    "--verify=crc32c",
    "--iodepth=16",
    "--size=2m",
    "--numjobs=4",
    "--offset_increment=2m",
    "--fsync=20",
  );
  job.push("--blockalign=512", "--verify_fatal=1", "--group_reporting", "--output-format=json");
  const { stdout } = await run("fio", job, { cwd: directory });
  const report = JSON.parse(stdout.slice(stdout.indexOf("{")));
  assert.equal(report.jobs[0].error, 0);
  assert.ok(report.jobs[0].write.io_bytes >= 8 * MEBI);
  assert.equal(disk.freeSlots(), 16);
});
