// Runs in: the usb-drive sim. Owns: nothing; operation codes and the fields that commands share.
// Source: SPC-4 §6 and SBC-3 §5. Big endian.

export const op = {
  testUnitReady: 0x00,
  requestSense: 0x03,
  inquiry: 0x12,
  modeSense6: 0x1a,
  startStopUnit: 0x1b,
  preventAllowMediumRemoval: 0x1e,
  readCapacity10: 0x25,
  read10: 0x28,
  write10: 0x2a,
  verify10: 0x2f,
  synchronizeCache10: 0x35,
  writeSame10: 0x41,
  unmap: 0x42,
  modeSense10: 0x5a,
  read16: 0x88,
  write16: 0x8a,
  verify16: 0x8f,
  synchronizeCache16: 0x91,
  writeSame16: 0x93,
  serviceActionIn16: 0x9e,
  reportLuns: 0xa0,
  read12: 0xa8,
  write12: 0xaa,
  verify12: 0xaf,
} as const;

const groupLengths = [6, 10, 10, 0, 16, 12, 0, 0]; // by the operation code's top three bits, SPC-4 table 21

/** 0 for groups without a fixed length. */
export function cdbLength(opcode: number): number {
  return groupLengths[opcode >> 5]!;
}

export interface Extent {
  readonly lba: number;
  readonly count: number;
}

/** LBA and number of blocks of a 10, 12 or 16-byte command. An LBA above 2^53 loses digits and is out of range anyhow. */
export function extentOf(cdb: DataView): Extent {
  switch (cdbLength(cdb.getUint8(0))) {
    case 10:
      return { lba: cdb.getUint32(2), count: cdb.getUint16(7) };
    case 12:
      return { lba: cdb.getUint32(2), count: cdb.getUint32(6) };
    default:
      return { lba: readU64(cdb, 2), count: cdb.getUint32(10) };
  }
}

export function readU64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value >>> 0);
}
