// Runs in: the usb-drive sim. Owns: nothing; UNMAP and WRITE SAME.
// Source: SBC-3 §5.28, §5.42, §5.43.
import type { Medium } from "../disk.ts";
import { senseOf } from "./blocks.ts";
import { extentOf, op, readU64 } from "./cdb.ts";
import { MAX_UNMAP_BYTES, MAX_UNMAP_DESCRIPTORS, MAX_WRITE_SAME_BYTES } from "./inquiry.ts";
import { act, fail, type Plan, receiveList } from "./plan.ts";
import {
  INVALID_FIELD_IN_CDB,
  INVALID_FIELD_IN_LIST,
  OUT_OF_RANGE,
  PARAMETER_LIST_LENGTH,
  type Sense,
  WRITE_PROTECTED,
} from "./sense.ts";
import { isSense, type LogicalUnit } from "./unit.ts";

const LIST_HEADER_BYTES = 8;
const DESCRIPTOR_BYTES = 16;
const PROTECT_BITS = 0xe0;
const ANCHOR = 0x10; // WRITE SAME
const UNMAP = 0x08;
const NDOB = 0x01; // WRITE SAME (16): no data-out buffer, zeroes are meant
const PATTERN_BYTES = 1048576;

export function unmap(unit: LogicalUnit, cdb: DataView): Plan {
  const medium = unit.ready();
  if (isSense(medium)) return fail(medium);
  if (unit.options.readOnly) return fail(WRITE_PROTECTED);
  const anchor = (cdb.getUint8(1) & 1) !== 0;
  if (anchor) return fail(INVALID_FIELD_IN_CDB);
  const length = cdb.getUint16(7);
  if (length === 0) return act(() => undefined);
  if (length < LIST_HEADER_BYTES) return fail(PARAMETER_LIST_LENGTH);
  return receiveList(length, (list) => unmapList(unit, medium, list));
}

async function unmapList(unit: LogicalUnit, medium: Medium, list: Buffer): Promise<Sense | undefined> {
  const size = unit.options.sectorBytes;
  const told = list.readUInt16BE(2);
  const count = Math.floor(Math.min(told, list.length - LIST_HEADER_BYTES) / DESCRIPTOR_BYTES);
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  const extents = Array.from({ length: count }, (_, i) => {
    const at = LIST_HEADER_BYTES + i * DESCRIPTOR_BYTES;
    return { lba: readU64(view, at), count: view.getUint32(at + 8) };
  });
  const total = extents.reduce((sum, each) => sum + each.count, 0);
  if (count > MAX_UNMAP_DESCRIPTORS || total * size > MAX_UNMAP_BYTES) return INVALID_FIELD_IN_LIST;
  if (extents.some((each) => each.lba + each.count > unit.sectors)) return OUT_OF_RANGE;
  for (const each of extents) {
    const failure = await zero(unit, medium, each.lba, each.count);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

export function writeSame(unit: LogicalUnit, cdb: DataView): Plan {
  const size = unit.options.sectorBytes;
  const { lba, count } = extentOf(cdb);
  const flags = cdb.getUint8(1);
  const medium = unit.reach(lba, count, "change");
  if (isSense(medium)) return fail(medium);
  const tooMuch = count === 0 || count * size > MAX_WRITE_SAME_BYTES;
  if (tooMuch || (flags & (PROTECT_BITS | ANCHOR)) !== 0) return fail(INVALID_FIELD_IN_CDB);
  if (cdb.getUint8(0) === op.writeSame16 && (flags & NDOB) !== 0)
    return act(() => zero(unit, medium, lba, count));
  return receiveList(size, (block) => {
    const empty = block.every((byte) => byte === 0);
    return empty && (flags & UNMAP) !== 0
      ? zero(unit, medium, lba, count)
      : repeat(unit, medium, lba, count, block);
  });
}

async function zero(
  unit: LogicalUnit,
  medium: Medium,
  lba: number,
  count: number,
): Promise<Sense | undefined> {
  const size = unit.options.sectorBytes;
  for (const bad of unit.badSectors) if (bad >= lba && bad < lba + count) unit.badSectors.delete(bad);
  try {
    if (count > 0) await medium.zero(lba * size, count * size);
    return undefined;
  } catch (error) {
    return senseOf(error);
  }
}

async function repeat(
  unit: LogicalUnit,
  medium: Medium,
  lba: number,
  count: number,
  block: Buffer,
): Promise<Sense | undefined> {
  const size = unit.options.sectorBytes;
  const pattern = Buffer.alloc(PATTERN_BYTES, block);
  try {
    for (let done = 0; done < count * size; done += PATTERN_BYTES) {
      const length = Math.min(PATTERN_BYTES, count * size - done);
      await medium.write(lba * size + done, [pattern.subarray(0, length)], length, false);
    }
    return undefined;
  } catch (error) {
    return senseOf(error);
  }
}
