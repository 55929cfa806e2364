// Runs in: manager and reflector. Owns: nothing; a disk in plain terms, and as ublk's parameters. Pure.
import { DeviceError } from "@ring3/core/errors";
import {
  diskParameters,
  UBLK_ATTR_FUA,
  UBLK_ATTR_READ_ONLY,
  UBLK_ATTR_ROTATIONAL,
  UBLK_ATTR_VOLATILE_CACHE,
  UBLK_IO_BYTES_MAX,
  UBLK_PARAM_TYPE_BASIC,
  UBLK_PARAM_TYPE_DISCARD,
} from "./constants.ts";
import type { UblkParameters } from "./control.ts";

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

const SECTOR_BYTES = 512;
const PAGE_BYTES = 4096;

/** Why no disk of the kernel's can be like that; undefined: one can. */
export function unfitForUblk(sectorBytes: number, transferBytes: number): string | undefined {
  if (!Number.isInteger(Math.log2(sectorBytes)) || sectorBytes < SECTOR_BYTES || sectorBytes > PAGE_BYTES)
    return `ublk disk with sectors of ${sectorBytes} bytes (512 to 4096 are)`;
  if (transferBytes < PAGE_BYTES)
    return `ublk disk that takes ${transferBytes} bytes at a time (4096 are needed)`;
  return undefined;
}

/** Throws DeviceError("unsupported") for what no disk of the kernel's can be. */
export function ublkParameters(disk: KernelDisk): UblkParameters {
  const { bytes, sectorBytes, transferBytes, discardBytes, zeroesBytes } = disk;
  const unfit = unfitForUblk(sectorBytes, transferBytes);
  if (unfit !== undefined) throw new DeviceError("unsupported", unfit);
  const shift = Math.log2(sectorBytes);
  const attributes = [
    [disk.readOnly, UBLK_ATTR_READ_ONLY],
    [disk.rotational, UBLK_ATTR_ROTATIONAL],
    [disk.writeCache, UBLK_ATTR_VOLATILE_CACHE],
    [disk.fua && disk.writeCache, UBLK_ATTR_FUA],
  ] as const;
  const ranges = discardBytes + zeroesBytes > 0;
  return {
    ...diskParameters.create(),
    types: UBLK_PARAM_TYPE_BASIC | (ranges ? UBLK_PARAM_TYPE_DISCARD : 0),
    attrs: attributes.reduce((bits, [is, bit]) => (is ? bits | bit : bits), 0),
    logicalBsShift: shift,
    physicalBsShift: shift,
    ioOptShift: shift,
    ioMinShift: shift,
    maxSectors: Math.min(transferBytes, UBLK_IO_BYTES_MAX) / SECTOR_BYTES,
    devSectors: bytes / SECTOR_BYTES,
    ...(ranges && {
      discardGranularity: sectorBytes,
      maxDiscardSectors: discardBytes / SECTOR_BYTES,
      maxWriteZeroesSectors: zeroesBytes / SECTOR_BYTES,
      maxDiscardSegments: 1,
    }),
  };
}
