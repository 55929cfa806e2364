// Runs in: driver host, jailed. Owns: a disk in its own memory. What is measured with it is everything but a device, as with nbdkit's memory plugin.
import { BLOCK_MEDIUM_PRESENT, block, defineDriver } from "@ring3/sdk";

const SECTOR_BYTES = 512;
const SECTORS = (64 << 20) / SECTOR_BYTES;
const REQUEST_SECTORS_MAX = block.slotBytes / SECTOR_BYTES;

export default defineDriver(block, {
  probe() {
    const memory = new Uint8Array(SECTORS * SECTOR_BYTES);
    const at = (lba: number, count: number) =>
      memory.subarray(lba * SECTOR_BYTES, (lba + count) * SECTOR_BYTES);
    return {
      properties: {
        sectorBytes: SECTOR_BYTES,
        sectors: SECTORS,
        maxTransferSectors: REQUEST_SECTORS_MAX,
        optimalTransferSectors: REQUEST_SECTORS_MAX,
        flags: BLOCK_MEDIUM_PRESENT,
        medium: 1,
      },
      read: ({ lba, count }, { data }) => data.set(at(lba, count)),
      write: ({ lba, count }, { data }) => at(lba, count).set(data),
      flush() {},
    };
  },
});
