// Runs in: benchmarks. Owns: ring3's NBD server of a disk in memory.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { DriversLife, socketOf } from "../packages/cli/drivers-life.fixture.ts";
import { descendants } from "../packages/cli/process-tree.fixture.ts";
import { RunningRing3 } from "../packages/cli/running-ring3.fixture.ts";
import { PeerMissing } from "./benchmark.ts";

/** bench/memory-disk, built. */
export const builtDrivers = join(import.meta.dirname, "../build/bench/drivers");
/** For `ring3 up`: its disks are bench/memory-disk's. */
export const memoryDisk = ["--drivers", builtDrivers];
export const DISK_BYTES = 64 << 20;

export interface Server extends AsyncDisposable {
  /** Of its Unix socket. */
  readonly socket: string;
  /** All of its processes. */
  pids(): number[];
}

/** What a command is started by, so that it and all that it starts stay on these processors. */
export function pinnedTo(pinned: string | null): string[] {
  if (pinned === null) return [];
  needs("taskset", "util-linux");
  return ["taskset", "-c", pinned];
}

export function needs(command: string, packages: string): void {
  if (spawnSync(command, ["--version"]).error !== undefined)
    throw new PeerMissing(`${command} is not installed (apt-get install ${packages})`);
}

/** `config`: of ring3.yaml. */
export async function ourDisk(pinned: string | null, config = ""): Promise<Server> {
  const ring3 = await RunningRing3.start({ args: memoryDisk, under: pinnedTo(pinned), config });
  const life = await DriversLife.of(ring3);
  const socket = socketOf(await life.served(await ring3.plug("bench")));
  return {
    socket,
    pids: () => [ring3.keeperPid, ...descendants(ring3.keeperPid)],
    async [Symbol.asyncDispose]() {
      life.close();
      await ring3.stop();
    },
  };
}
