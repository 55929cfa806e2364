// Runs in: tests. Owns: nothing; a disk as a reflector asks the manager for it.
import type { KernelDisk } from "./kernel-disk.ts";

export const kernelDisk: KernelDisk = {
  bytes: 1 << 20,
  sectorBytes: 4096,
  transferBytes: 1 << 18,
  queues: 2,
  depth: 32,
  readOnly: false,
  rotational: false,
  writeCache: true,
  fua: true,
  discardBytes: 1 << 24,
  zeroesBytes: 0,
};
