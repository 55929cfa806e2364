// Runs in: every process that speaks of disks. Owns: nothing; the block class's operations, events and geometry as data.
import { defineContract, event, operation, type Properties } from "@ring3/core/contract";
import { struct, u32, u64 } from "@ring3/core/struct";

/** Bits of `flags` in the geometry and in `mediumChanged`. */
export const BLOCK_READ_ONLY = 1 << 0;
/** Completed writes may sit in a volatile cache until a flush, or FUA where the device has it. */
export const BLOCK_WRITE_CACHE = 1 << 1;
/** `fua: 1` is honoured by the device itself; without this bit a driver makes it of a write and a flush. */
export const BLOCK_FUA = 1 << 2;
export const BLOCK_REMOVABLE = 1 << 3;
export const BLOCK_MEDIUM_PRESENT = 1 << 4;
export const BLOCK_ROTATIONAL = 1 << 5;
/** The medium can give sectors back; without this bit a discard is refused as unsupported. */
export const BLOCK_DISCARD = 1 << 6;

/** SD_TIMEOUT, drivers/scsi/sd.h. */
const TRANSFER_DEADLINE_MS = 30_000;
/** Linux waits as long for SYNCHRONIZE CACHE: SD_FLUSH_TIMEOUT, drivers/scsi/sd.h. */
const FLUSH_DEADLINE_MS = 60_000;
/** SD_WRITE_SAME_TIMEOUT, drivers/scsi/sd.h. */
const ZERO_DEADLINE_MS = 120_000;

/**
 * A disk. Addresses (`lba`) and lengths (`count`) are in sectors of `sectorBytes`; a count is at least 1, and at most
 * `maxTransferSectors` for read and write. `fua` and `unmap` are 0 or 1.
 * `medium` numbers the media in the unit since the device was plugged in, an empty drive among them: it counts up with every
 * change that the driver learns of, over its incarnations. A request says for which medium it was meant, and with another in
 * place it is refused with "medium-changed" before the device is touched. A flush too: its success vouches for that medium's writes.
 * Clients take the number from their port's properties for each request: a port is about one medium, whose number is another after
 * the device was unplugged and plugged in again.
 * Every operation may be sent again after a crash: each leaves the disk the same when done twice in a row.
 */
export const block = defineContract({
  name: "block",
  version: 1,
  slots: 64,
  slotBytes: 1_048_576,
  properties: struct({
    sectorBytes: u32,
    maxTransferSectors: u32,
    sectors: u64,
    flags: u32,
    optimalTransferSectors: u32,
    medium: u32,
  }),
  operations: {
    read: operation({
      nr: 1,
      in: struct({ lba: u64, count: u32, medium: u32 }),
      data: "out",
      replay: "always",
      deadlineMs: TRANSFER_DEADLINE_MS,
    }),
    write: operation({
      nr: 2,
      in: struct({ lba: u64, count: u32, fua: u32, medium: u32 }),
      data: "in",
      replay: "always",
      mutates: true,
      deadlineMs: TRANSFER_DEADLINE_MS,
    }),
    flush: operation({
      nr: 3,
      in: struct({ medium: u32 }),
      replay: "always",
      deadlineMs: FLUSH_DEADLINE_MS,
    }),
    discard: operation({
      nr: 4,
      in: struct({ lba: u64, count: u32, medium: u32 }),
      replay: "always",
      mutates: true,
      optional: true,
      deadlineMs: ZERO_DEADLINE_MS,
    }),
    writeZeroes: operation({
      nr: 5,
      in: struct({ lba: u64, count: u32, fua: u32, unmap: u32, medium: u32 }),
      replay: "always",
      mutates: true,
      optional: true,
      deadlineMs: ZERO_DEADLINE_MS,
    }),
  },
  events: {
    /** Another medium, or none (`sectors` 0 and no BLOCK_MEDIUM_PRESENT in `flags`). */
    mediumChanged: event({
      nr: 1,
      data: struct({ sectors: u64, sectorBytes: u32, flags: u32, medium: u32 }),
      overflow: "latest",
    }),
    /** The device lost power or dropped its cache on its own: unflushed writes may be lost. Must arrive, and once is enough. */
    powerLost: event({ nr: 2, overflow: "latest", sticky: true }),
    /** Writes that the device had acknowledged have failed after all, whether it speaks of a cache or not. */
    writesLost: event({ nr: 3, overflow: "latest", sticky: true }),
  },
});

export type Block = typeof block;
export type Geometry = Properties<Block>;
