// Runs in: the manager. Owns: nothing; who may open a disk beside whom, and which disks cannot be.

import type { Geometry } from "./contract.ts";

const SECTOR_BYTES_MIN = 512;
/** An NBD export's minimum block (proto.md, "Block size constraints"). */
const SECTOR_BYTES_MAX = 65_536;

export interface Holder {
  /** For people: "reflector", or the client's process. */
  readonly name: string;
  readonly mode: "read" | "write";
}

/**
 * A disk has any number of readers and at most one writer, as a file system or an NBD export must be the only one to write.
 * @returns undefined if `wanted` may join `holders`, else the reason
 */
export function admit(holders: readonly Holder[], wanted: Holder): string | undefined {
  if (wanted.mode === "read") return undefined;
  const writer = holders.find((holder) => holder.mode === "write");
  return writer && `the disk is held for writing by ${writer.name}; it has one writer at a time`;
}

/** Why there is no such disk, though each number fits its field; undefined: there may be. */
export function faultOf({ sectorBytes, maxTransferSectors, sectors }: Geometry): string | undefined {
  const powerOfTwo = Number.isInteger(Math.log2(sectorBytes));
  if (!powerOfTwo || sectorBytes < SECTOR_BYTES_MIN || sectorBytes > SECTOR_BYTES_MAX)
    return `sectorBytes: expected a power of two from ${SECTOR_BYTES_MIN} to ${SECTOR_BYTES_MAX}, found ${sectorBytes}`;
  if (maxTransferSectors < 1) return `maxTransferSectors: expected at least 1, found ${maxTransferSectors}`;
  const most = Math.floor(Number.MAX_SAFE_INTEGER / sectorBytes);
  if (sectors > most) return `sectors: expected at most ${most} of ${sectorBytes} bytes, found ${sectors}`;
  return undefined;
}
