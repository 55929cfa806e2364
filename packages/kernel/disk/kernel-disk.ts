// Runs in: manager and reflector. Owns: nothing; a disk in plain terms, as the kernel is told of one that a process of ring3 serves. Pure.
import { DeviceError } from "@ring3/core/errors";

export interface KernelDisk {
  readonly bytes: number;
  readonly sectorBytes: number;
  /** The most that one request may move. */
  readonly transferBytes: number;
  readonly queues: number;
  /** Requests that a queue may have under way. */
  readonly depth: number;
  readonly readOnly: boolean;
  readonly rotational: boolean;
  /** It is to be flushed. */
  readonly writeCache: boolean;
  readonly fua: boolean;
  /** The most that one request may discard; 0: it cannot. */
  readonly discardBytes: number;
  /** The same for zeroes; 0: they are written like any bytes. */
  readonly zeroesBytes: number;
}

/** The kernel's own unit of sizes, whatever a disk's sectors are: SECTOR_SIZE, linux/blk_types.h. */
export const SECTOR_BYTES = 512;
const PAGE_BYTES = 4096;

/** Why the kernel can have no disk like that (blk_validate_block_size, linux/blkdev.h, as of 6.12); undefined: it can. */
export function unfitForKernel(sectorBytes: number, transferBytes: number): string | undefined {
  if (!Number.isInteger(Math.log2(sectorBytes)) || sectorBytes < SECTOR_BYTES || sectorBytes > PAGE_BYTES)
    return `a disk of the kernel's with sectors of ${sectorBytes} bytes (512 to 4096 are possible)`;
  if (transferBytes < PAGE_BYTES)
    return `a disk of the kernel's that takes ${transferBytes} bytes at a time (4096 are needed)`;
  return undefined;
}

/** Throws DeviceError("unsupported") for what no disk of the kernel's can be. */
export function requireFit({ sectorBytes, transferBytes }: KernelDisk): void {
  const unfit = unfitForKernel(sectorBytes, transferBytes);
  if (unfit !== undefined) throw new DeviceError("unsupported", unfit);
}
