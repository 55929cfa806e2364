// Runs in: manager. Owns: nothing; a disk as the transmission flags that its NBD server would tell. Pure.
import { type KernelDisk, requireFit } from "../disk/kernel-disk.ts";
import {
  NBD_FLAG_HAS_FLAGS,
  NBD_FLAG_READ_ONLY,
  NBD_FLAG_ROTATIONAL,
  NBD_FLAG_SEND_FLUSH,
  NBD_FLAG_SEND_FUA,
  NBD_FLAG_SEND_TRIM,
  NBD_FLAG_SEND_WRITE_ZEROES,
} from "./constants.ts";

/** Throws DeviceError("unsupported") for what no disk of the kernel's can be. */
export function nbdFlags(disk: KernelDisk): number {
  requireFit(disk);
  const flags = [
    [disk.readOnly, NBD_FLAG_READ_ONLY],
    [disk.rotational, NBD_FLAG_ROTATIONAL],
    [disk.writeCache, NBD_FLAG_SEND_FLUSH],
    [disk.fua && disk.writeCache, NBD_FLAG_SEND_FUA],
    [disk.discardBytes > 0, NBD_FLAG_SEND_TRIM],
    [disk.zeroesBytes > 0, NBD_FLAG_SEND_WRITE_ZEROES],
  ] as const;
  return flags.reduce((bits, [is, bit]) => (is ? bits | bit : bits), NBD_FLAG_HAS_FLAGS);
}
