// Runs in: driver host, jailed. Owns: one claimed interface. A disk that can be read only, for docs/safe-driver-architecture.md.
import {
  BLOCK_MEDIUM_PRESENT,
  BLOCK_READ_ONLY,
  block,
  DeviceError,
  defineDriver,
  outcomeError,
} from "@ring3/sdk";
import { decodeInfo, INFO_BYTES, infoSetup, SECTOR_BYTES, sectorSetup } from "./rom.ts";

const INFO_MS = 500;
const WAKE_MS = 5;

export default defineDriver(block, {
  async probe({ usb: { raw } }, ctx) {
    using limit = ctx.limit(INFO_MS);
    const answer = new Uint8Array(INFO_BYTES);
    const outcome = await raw.controlIn(infoSetup, answer, limit);
    const error = outcomeError(outcome, "read the ROM's info");
    if (error !== undefined) throw error;
    const { sectors } = decodeInfo(answer.subarray(0, outcome.bytes));
    ctx.log.info(`a ROM of ${sectors} sectors`);

    async function readSector(sector: number, into: Uint8Array): Promise<void> {
      const what = `read sector ${sector}`;
      for (;;) {
        const { status, ...rest } = await raw.controlIn(sectorSetup(sector), into);
        switch (status) {
          case "ok":
            if (rest.bytes === SECTOR_BYTES) return;
            throw new DeviceError("protocol", `${what}: ${rest.bytes} bytes`);
          case "stall": // its chip wakes up; how long that may take is the request's to say, whose deadline ends the sleep too
            await ctx.sleep(WAKE_MS);
            break;
          case "gone":
          case "cancelled":
          case "timeout":
          case "overflow":
          case "error":
            throw outcomeError({ status, ...rest }, what);
        }
      }
    }

    return {
      properties: {
        sectorBytes: SECTOR_BYTES,
        maxTransferSectors: 128,
        sectors,
        flags: BLOCK_MEDIUM_PRESENT | BLOCK_READ_ONLY,
        optimalTransferSectors: 1,
        medium: 1,
      },
      async read({ lba, count }, { data }) {
        if (lba + count > sectors) throw new DeviceError("out-of-range", `read ${count} sectors from ${lba}`);
        for (let done = 0; done < count; done++) {
          const at = done * SECTOR_BYTES;
          await readSector(lba + done, data.subarray(at, at + SECTOR_BYTES));
        }
      },
      write() {
        throw new DeviceError("read-only", "write to a ROM");
      },
      flush() {},
    };
  },
});
