// Runs in: manager, privileged. Owns: nothing; what sysfs says of /dev/nbdN, and what it takes (Documentation/ABI/stable/sysfs-block).
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { DeviceError } from "@ring3/core/errors";
import { SECTOR_BYTES } from "../disk/kernel-disk.ts";

const DISKS = "/sys/block";
/** What one request may move at most, in KiB: max_hw_sectors of drivers/block/nbd.c, 65536 sectors. */
const TRANSFER_KIB_MAX = 32_768;

export interface NbdState {
  readonly index: number;
  /** As it was connected with; undefined: it is not connected by netlink. */
  readonly backend: string | undefined;
  readonly bytes: number;
}

/** Every one that there is, whosever it is. */
export function nbdDevices(root = DISKS): NbdState[] {
  if (!existsSync(root)) return []; // a container without sysfs
  return readdirSync(root).flatMap((name) => {
    const number = /^nbd(\d+)$/.exec(name)?.[1];
    if (number === undefined) return [];
    const size = read(`${root}/${name}/size`);
    if (size === undefined) return []; // it has gone since
    const index = Number(number);
    return [{ index, bytes: Number(size) * SECTOR_BYTES, backend: read(`${root}/${name}/backend`) }];
  });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1").trim();
  } catch (error) {
    if (!["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code!)) throw error;
    return undefined; // the latter: it goes while it is read
  }
}

export interface NbdLimits {
  /** How soon a request is sent again that went over a connection which has ended, once there is another. */
  readonly resendMs: number;
  /** The most that one request may move. */
  readonly transferBytes: number;
}

/** Resolves once it is so. The kernel lets what is under way end first, so another thread waits for that, and this one does not. */
export async function tuneNbd(index: number, { resendMs, transferBytes }: NbdLimits): Promise<void> {
  const queue = `${DISKS}/nbd${index}/queue`;
  const kib = Math.min(Math.floor(transferBytes / 1024), TRANSFER_KIB_MAX);
  try {
    await writeFile(`${queue}/io_timeout`, `${resendMs}`);
    await writeFile(`${queue}/max_sectors_kb`, `${kib}`);
  } catch (error) {
    throw new DeviceError("denied", `set limits of /dev/nbd${index} (${(error as Error).message})`, {
      cause: error,
    });
  }
}
