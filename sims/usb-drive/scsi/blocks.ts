// Runs in: the usb-drive sim. Owns: nothing; READ, WRITE, VERIFY, SYNCHRONIZE CACHE and READ CAPACITY.
// Source: SBC-3 §5.

import { splitChunks } from "../../usbip/byte-queue.ts";
import { giveBuffer, takeBuffer } from "../buffers.ts";
import type { Medium } from "../disk.ts";
import { extentOf, readU64, writeU64 } from "./cdb.ts";
import { MAX_TRANSFER_BYTES } from "./inquiry.ts";
import { act, fail, type Plan, receive, reply, send } from "./plan.ts";
import {
  INVALID_FIELD_IN_CDB,
  MISCOMPARED,
  NO_MEDIUM,
  OUT_OF_RANGE,
  type Sense,
  SPACE_ALLOCATION_FAILED,
  UNRECOVERED_READ,
  WRITE_ERROR,
} from "./sense.ts";
import { isSense, type LogicalUnit } from "./unit.ts";

const PROTECT_BITS = 0xe0;
const FUA = 0x08;
const BYTCHK = 0x06;
const READ_CAPACITY_16 = 0x10; // service action, SBC-3 §5.16

export function read(unit: LogicalUnit, cdb: DataView): Plan {
  const size = unit.options.sectorBytes;
  const { lba, count } = extentOf(cdb);
  const medium = unit.reach(lba, count, "read");
  if (isSense(medium)) return fail(medium);
  if (refusesTransfer(cdb, count * size)) return fail(INVALID_FIELD_IN_CDB);
  const bad = firstBad(unit, lba, count);
  const length = (bad === undefined ? count : bad - lba) * size;
  const base = lba * size;
  let failure: Sense | undefined = bad === undefined ? undefined : { ...UNRECOVERED_READ, information: bad };
  // A forced read has to see the medium, so what is newer than the medium goes there first.
  const fresh = (cdb.getUint8(1) & FUA) !== 0 ? medium.flush() : undefined;
  fresh?.catch(() => {}); // told by `source`, which may never run
  unit.counters.reads++;
  const source = async (offset: number, wanted: number) => {
    const into = takeBuffer(wanted);
    try {
      await fresh;
      await medium.read(base + offset, into);
      unit.counters.readBytes += wanted;
    } catch {
      failure = UNRECOVERED_READ;
      into.fill(0);
    }
    return into;
  };
  return send(length, source, () => failure);
}

export function write(unit: LogicalUnit, cdb: DataView): Plan {
  const size = unit.options.sectorBytes;
  const { lba, count } = extentOf(cdb);
  const medium = unit.reach(lba, count, "change");
  if (isSense(medium)) return fail(medium);
  if (refusesTransfer(cdb, count * size)) return fail(INVALID_FIELD_IN_CDB);
  const through = (cdb.getUint8(1) & FUA) !== 0;
  let failure: Sense | undefined;
  let at = lba * size;
  let carried: Uint8Array[] = []; // the piece ended inside a sector
  let carriedBytes = 0;
  unit.counters.writes++;
  const sink = async (chunks: readonly Uint8Array[], length: number) => {
    const all = carriedBytes === 0 ? chunks : [...carried, ...chunks];
    const total = carriedBytes + length;
    const whole = total - (total % size);
    const [head, tail] = whole === total ? [all, []] : splitChunks(all, whole);
    const position = at;
    at += whole;
    carried = tail;
    carriedBytes = total - whole;
    if (whole === 0) return;
    unit.counters.writtenBytes += whole;
    if (unit.badSectors.size > 0)
      for (let i = 0; i < whole / size; i++) unit.badSectors.delete(position / size + i);
    try {
      await medium.write(position, head, whole, through);
    } catch (error) {
      failure = senseOf(error);
    }
  };
  return receive(count * size, sink, () => (unit.medium === medium ? failure : NO_MEDIUM));
}

/** BYTCHK 0 reads the medium, BYTCHK 1 compares it with the data sent. */
export function verify(unit: LogicalUnit, cdb: DataView): Plan {
  const size = unit.options.sectorBytes;
  const { lba, count } = extentOf(cdb);
  const medium = unit.reach(lba, count, "read");
  if (isSense(medium)) return fail(medium);
  const compare = (cdb.getUint8(1) & BYTCHK) >> 1;
  if (compare > 1 || refusesTransfer(cdb, compare * count * size)) return fail(INVALID_FIELD_IN_CDB);
  const bad = firstBad(unit, lba, count);
  if (bad !== undefined) return fail({ ...UNRECOVERED_READ, information: bad });
  if (compare === 0) return act(() => undefined);
  let position = lba * size;
  let failure: Sense | undefined;
  const sink = async (chunks: readonly Uint8Array[], length: number) => {
    const from = position;
    position += length;
    const found = takeBuffer(length);
    await medium.read(from, found);
    if (!Buffer.concat(chunks, length).equals(found)) failure = MISCOMPARED;
    giveBuffer(found);
  };
  return receive(count * size, sink, () => failure);
}

export function synchronizeCache(unit: LogicalUnit, cdb: DataView): Plan {
  const { lba, count } = extentOf(cdb);
  const medium = unit.ready();
  if (isSense(medium)) return fail(medium);
  if (lba + count > unit.sectors) return fail(OUT_OF_RANGE);
  unit.counters.flushes++;
  return act(() => flush(medium));
}

export async function flush(medium: Medium): Promise<Sense | undefined> {
  try {
    await medium.flush();
    return undefined;
  } catch (error) {
    return senseOf(error);
  }
}

export function readCapacity10(unit: LogicalUnit, cdb: DataView): Plan {
  const medium = unit.ready();
  if (isSense(medium)) return fail(medium);
  if (cdb.getUint32(2) !== 0) return fail(INVALID_FIELD_IN_CDB);
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint32(0, Math.min(unit.sectors - 1, 0xffffffff)); // the most it can say: ask READ CAPACITY (16)
  bytes.setUint32(4, unit.options.sectorBytes);
  return reply(new Uint8Array(bytes.buffer), 8);
}

export function serviceActionIn16(unit: LogicalUnit, cdb: DataView): Plan {
  if ((cdb.getUint8(1) & 0x1f) !== READ_CAPACITY_16) return fail(INVALID_FIELD_IN_CDB);
  const medium = unit.ready();
  if (isSense(medium)) return fail(medium);
  if (readU64(cdb, 2) !== 0) return fail(INVALID_FIELD_IN_CDB);
  const LBPME = 0x80; // unmapping is possible ...
  const LBPRZ = 0x40; // ... and leaves zeroes
  const bytes = new DataView(new ArrayBuffer(32));
  writeU64(bytes, 0, unit.sectors - 1);
  bytes.setUint32(8, unit.options.sectorBytes);
  bytes.setUint8(14, LBPME | LBPRZ);
  return reply(new Uint8Array(bytes.buffer), cdb.getUint32(10));
}

export function senseOf(error: unknown): Sense {
  return (error as NodeJS.ErrnoException).code === "ENOSPC" ? SPACE_ALLOCATION_FAILED : WRITE_ERROR;
}

function refusesTransfer(cdb: DataView, bytes: number): boolean {
  return (cdb.getUint8(1) & PROTECT_BITS) !== 0 || bytes > MAX_TRANSFER_BYTES;
}

function firstBad(unit: LogicalUnit, lba: number, count: number): number | undefined {
  const hit = [...unit.badSectors].filter((bad) => bad >= lba && bad < lba + count);
  return hit.length === 0 ? undefined : Math.min(...hit);
}
