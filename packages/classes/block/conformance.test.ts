// Runs in: node --test.
import { blockConformance, readOnlyConformance } from "./conformance.ts";
import { BLOCK_MEDIUM_PRESENT, BLOCK_READ_ONLY } from "./contract.ts";
import { type MemoryDiskOptions, memoryDisk } from "./memory-disk.fixture.ts";

const open = (options: MemoryDiskOptions) => async () => {
  const { port } = memoryDisk(options);
  return { port, close: () => port.close() };
};

blockConformance("a disk in memory with sectors of 512 bytes", open({ slotBytes: 1 << 20 }));
blockConformance(
  "a disk in memory with sectors of 4096 bytes",
  open({ sectorBytes: 4096, slotBytes: 1 << 20 }),
);
blockConformance(
  "a disk in memory that can neither discard nor write zeroes",
  open({ slotBytes: 1 << 20, lacks: ["discard", "writeZeroes"] }),
);
readOnlyConformance("a read-only disk in memory", open({ flags: BLOCK_MEDIUM_PRESENT | BLOCK_READ_ONLY }));
