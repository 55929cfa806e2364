// Runs in: benchmarks. Owns: NBD servers that others wrote, each with a disk in memory.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pause } from "../packages/cli/drivers-life.fixture.ts";
import { DISK_BYTES, needs, pinnedTo, type Server } from "./nbd.ts";

const STARTED_MS = 5000;

export async function nbdkit(pinned: string | null): Promise<Server> {
  needs("nbdkit", "nbdkit");
  return await listening(pinned, (socket) => [
    "nbdkit",
    "--foreground",
    "--unix",
    socket,
    "memory",
    String(DISK_BYTES),
  ]);
}

/** Its disk is all zeroes, as nbdkit's is where nothing was written: a read fills the buffer and copies nothing. */
export async function qemuStorageDaemon(pinned: string | null): Promise<Server> {
  needs("qemu-storage-daemon", "qemu-system-common");
  return await listening(pinned, (socket) => [
    "qemu-storage-daemon",
    "--blockdev",
    `driver=null-co,node-name=disk,size=${DISK_BYTES},read-zeroes=on`,
    "--nbd-server",
    `addr.type=unix,addr.path=${socket}`,
    "--export",
    "type=nbd,id=disk,node-name=disk,name=",
  ]);
}

/** A server that `line` starts at a Unix socket, once it listens there. */
async function listening(pinned: string | null, line: (socket: string) => string[]): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "ring3-nbd-"));
  const socket = join(folder, "nbd.sock");
  const [command, ...args] = [...pinnedTo(pinned), ...line(socket)];
  const child = spawn(command!, args, { stdio: "ignore" });
  const ended = once(child, "exit");
  const end = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true });
  };
  for (let waited = 0; !existsSync(socket); waited += 10) {
    if (child.exitCode !== null || waited >= STARTED_MS) {
      await end();
      throw new Error(`${[command, ...args].join(" ")}: it does not listen (exit code ${child.exitCode})`);
    }
    await pause(10);
  }
  return { socket, pids: () => [child.pid!], [Symbol.asyncDispose]: end };
}
