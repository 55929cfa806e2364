// Runs in: processes with a client end. Owns: nothing; what a disk's journal may replay, in which order, on which disk.
import type { EventName, Input, OperationName } from "@ring3/core/contract";
import type { Identity, Pending, Recovery, Ticket, Tracker } from "@ring3/core/recovery";
import { BLOCK_MEDIUM_PRESENT, BLOCK_WRITE_CACHE, type Block, type Geometry } from "./contract.ts";

interface Range {
  readonly lba: number;
  readonly count: number;
}

/** The sectors that a request changes; none for reads and flushes. */
function changed(request: Pending<Block>): Range | undefined {
  switch (request.operation) {
    case "write":
    case "discard":
    case "writeZeroes":
      return request.input as Input<Block, "discard">;
    case "read":
    case "flush":
      return undefined;
  }
}

/**
 * Overlapping changes are never in flight together: both would be replayed after a crash, and the one that had been executed
 * last could be executed first this time.
 * A read needs no such order. While a read and a change overlap in time, old, new and mixed bytes are all right answers (NBD promises no
 * more), at the first execution as at a replay; and a read sent after the change was acknowledged finds it out of the journal.
 * A flush covers the writes acknowledged before it was sent, and those are not in flight.
 */
function conflicts(a: Pending<Block>, b: Pending<Block>): boolean {
  const one = changed(a);
  const other = changed(b);
  if (!one || !other) return false;
  return one.lba < other.lba + other.count && other.lba < one.lba + one.count;
}

/** Flags and optimal sizes come from questions that a device need not answer, and may answer only sometimes. */
function sameMedium(before: Geometry, after: Geometry): boolean {
  return (
    before.medium === after.medium &&
    before.sectors === after.sectors &&
    before.sectorBytes === after.sectorBytes
  );
}

/** A serial number that many disks share proves nothing: none, or one character repeated ("000000000000"). */
const isFiller = (serial: string) => /^\s*(\S?)\1*\s*$/.test(serial);

function sameIdentity(before: Identity<Block>, after: Identity<Block>): string | undefined {
  const differs = (what: string, a: unknown, b: unknown) =>
    a === b ? undefined : `another ${what}: it was ${a ?? "none"}, now it is ${b ?? "none"}`;
  if (before.serial === undefined || isFiller(before.serial))
    return "the disk has no serial number of its own, so that the same disk cannot be told from another";
  const [was, is] = [before.properties, after.properties];
  if ((is.flags & BLOCK_MEDIUM_PRESENT) === 0) return "there is no medium in it now";
  return (
    differs("serial number", before.serial, after.serial) ??
    differs("vendor", before.vendor, after.vendor) ??
    differs("product", before.product, after.product) ??
    differs("sector size", was.sectorBytes, is.sectorBytes) ??
    differs("capacity in sectors", was.sectors, is.sectors)
  );
}

/** A medium that stayed in its device has another number after each enumeration. */
function translate(
  { input }: Pending<Block>,
  before: Geometry,
  after: Geometry,
): Input<Block, OperationName<Block>> {
  return input.medium === before.medium ? { ...input, medium: after.medium } : input;
}

interface BlockTicket extends Ticket {
  /** A change that only a flush vouches for once it is completed. */
  readonly unforced: boolean;
  /** How many of those were completed when this was sent. */
  readonly written: number;
  /** How many losses there were until this was sent. */
  readonly epoch: number;
}

/** What a disk may have forgotten. `dirty` is `clean < written`. */
interface Unflushed {
  /** Unforced changes completed so far. */
  written: number;
  /** How many of them a flush has covered. */
  clean: number;
  /** Losses so far, of power or of what was acknowledged. */
  epoch: number;
  /** The newest epoch that began with acknowledged changes gone. */
  lostEpoch: number;
  /** A loss that no flush has reported yet. */
  lost: boolean;
}

/**
 * A discard is not tracked: losing it brings old bytes back, and after a discard no one may count on any.
 * A disk without a cache loses nothing with its power; what it had acknowledged it may still own to have lost.
 */
function createTracker(properties: Geometry): Tracker<Block> {
  const cached = ({ flags }: Geometry): boolean => (flags & BLOCK_WRITE_CACHE) !== 0;
  let cache = cached(properties);
  const state: Unflushed = { written: 0, clean: 0, epoch: 0, lostEpoch: 0, lost: false };

  function lose(): void {
    state.lostEpoch = state.epoch;
    state.lost = true;
  }

  return {
    refuse(operation) {
      if (operation !== "flush" || !state.lost) return undefined;
      state.lost = false;
      return "lost-writes";
    },
    sent(operation, input): BlockTicket {
      const changes = operation === "write" || operation === "writeZeroes";
      const unforced = changes && (input as Input<Block, "writeZeroes">).fua === 0;
      return { operation, unforced, written: state.written, epoch: state.epoch };
    },
    completed(ticket, ok) {
      if (!ok) return undefined;
      const { operation, unforced, written, epoch } = ticket as BlockTicket;
      if (unforced) {
        // There was a loss while it was under way: nobody knows on which side of that it was executed.
        if (epoch < state.epoch) lose();
        else state.written++;
      }
      if (operation !== "flush") return undefined;
      if (epoch < state.lostEpoch) {
        // It would vouch for changes that the cache lost before the flush reached the disk.
        state.lost = false;
        return "lost-writes";
      }
      state.clean = Math.max(state.clean, written);
      return undefined;
    },
    powerLost() {
      if (cache) this.writesLost();
    },
    writesLost() {
      state.epoch++;
      if (state.clean < state.written) lose();
      state.clean = state.written;
    },
    replugged(now) {
      this.powerLost();
      cache = cached(now);
    },
  };
}

function meaning(event: EventName<Block>): "power-lost" | "writes-lost" | "medium-changed" {
  switch (event) {
    case "powerLost":
      return "power-lost";
    case "writesLost":
      return "writes-lost";
    case "mediumChanged":
      return "medium-changed";
  }
}

export const recovery: Recovery<Block> = {
  conflicts,
  sameMedium,
  sameIdentity,
  translate,
  meaning,
  createTracker,
};
