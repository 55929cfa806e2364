// Runs in: manager. Owns: nothing; a disk as ublk's parameters. Pure.
import { type KernelDisk, requireFit, SECTOR_BYTES } from "../disk/kernel-disk.ts";
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

/** Throws DeviceError("unsupported") for what no disk of the kernel's can be. */
export function ublkParameters(disk: KernelDisk): UblkParameters {
  requireFit(disk);
  const { bytes, sectorBytes, transferBytes, discardBytes, zeroesBytes } = disk;
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
