// Runs in: fuzzing. Owns: nothing. A disk as an NBD endpoint describes it.
import { BLOCK_MEDIUM_PRESENT, BLOCK_WRITE_CACHE, block } from "../packages/classes/block/contract.ts";
import { diskExport } from "../packages/classes/block/endpoint-nbd-export.ts";

export const disk = diskExport(
  {
    ...block.properties!.create(),
    sectorBytes: 512,
    maxTransferSectors: 2048,
    sectors: 8192,
    flags: BLOCK_MEDIUM_PRESENT | BLOCK_WRITE_CACHE,
  },
  { slots: 8, slotBytes: block.slotBytes, readOnly: false },
);
