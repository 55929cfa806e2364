// Runs in: benchmarks. What it takes to copy a whole disk by nbdcopy, from and to a jailed driver's memory and nbdkit's.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Benchmark, Round } from "./benchmark.ts";
import { DISK_BYTES, needs, ourDisk, pinnedTo, type Server } from "./nbd.ts";
import { nbdkit } from "./nbd-peers.ts";

const uri = ({ socket }: Server) => `nbd+unix:///?socket=${socket}`;

/** Megabytes a second, start and end of nbdcopy included. */
async function copied(pinned: string | null, from: string, to: string): Promise<number> {
  const [command, ...args] = [...pinnedTo(pinned), "nbdcopy", from, to];
  const began = performance.now();
  await promisify(execFile)(command!, args);
  return DISK_BYTES / 1e3 / (performance.now() - began);
}

async function* run(pinned: string | null): AsyncIterable<readonly Round[]> {
  needs("nbdcopy", "libnbd-bin");
  const folder = mkdtempSync(join(tmpdir(), "ring3-bulk-"));
  const file = join(folder, "disk");
  writeFileSync(file, Buffer.alloc(DISK_BYTES, 0x5a)); // zeroes would not be written, but asked for
  try {
    await using peer = await nbdkit(pinned);
    await using ours = await ourDisk(pinned);
    const read = (server: Server) => copied(pinned, uri(server), "null:");
    const write = (server: Server) => copied(pinned, file, uri(server));
    for (const server of [ours, peer]) await write(server); // holes are read for nothing
    for (;;)
      yield [
        { variant: "read", ours: await read(ours), peer: await read(peer) },
        { variant: "write", ours: await write(ours), peer: await write(peer) },
      ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export default {
  what: "a whole disk copied by nbdcopy, from and to a jailed driver's memory, against nbdkit's",
  unit: "MB/s",
  rounds: 15,
  settings: ["0", null].flatMap((pinned) => [
    { variant: "read", pinned, goal: ">= 1.1" },
    { variant: "write", pinned, goal: ">= 0.95" },
  ]),
  run,
} satisfies Benchmark;
