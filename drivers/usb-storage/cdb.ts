// Runs in: driver host, jailed. Owns: nothing. Pure: SCSI command blocks. SPC-4 and SBC-3 section numbers are those of the T10 drafts r37 and r36.

/** What goes out and what is expected back. */
export interface ScsiCommand {
  /** For messages: "READ (10)". */
  readonly name: string;
  readonly cdb: Uint8Array;
  readonly direction: "in" | "out";
}

const TWO_32 = 0x1_0000_0000;
/** The largest count of READ (10) and WRITE (10): SBC-3 §5.10. */
const COUNT_16_MAX = 0xffff;

function build(
  name: string,
  direction: "in" | "out",
  length: number,
  opcode: number,
  fill: (cdb: DataView) => void,
): ScsiCommand {
  const cdb = new Uint8Array(length);
  const view = new DataView(cdb.buffer);
  view.setUint8(0, opcode);
  fill(view);
  return { name, cdb, direction };
}

function setLba64(cdb: DataView, offset: number, lba: number): void {
  cdb.setUint32(offset, Math.floor(lba / TWO_32));
  cdb.setUint32(offset + 4, lba % TWO_32);
}

/** SPC-4 §6.47 */
export const testUnitReady = (): ScsiCommand => build("TEST UNIT READY", "in", 6, 0x00, () => {});

/** SPC-4 §6.39; DESC 0: fixed format is asked for. */
export const requestSense = (length: number): ScsiCommand =>
  build("REQUEST SENSE", "in", 6, 0x03, (cdb) => cdb.setUint8(4, length));

/** SPC-4 §6.6. With a page: vital product data (EVPD 1). */
export const inquiry = (length: number, page?: number): ScsiCommand =>
  build(page === undefined ? "INQUIRY" : `INQUIRY page ${page.toString(16)}h`, "in", 6, 0x12, (cdb) => {
    cdb.setUint8(1, page === undefined ? 0 : 1);
    cdb.setUint8(2, page ?? 0);
    cdb.setUint16(3, length);
  });

/** SPC-4 §6.11; DBD 0, current values, every subpage left out. */
export const modeSense6 = (page: number, length: number): ScsiCommand =>
  build("MODE SENSE (6)", "in", 6, 0x1a, (cdb) => {
    cdb.setUint8(2, page);
    cdb.setUint8(4, length);
  });

/** SPC-4 §6.12 */
export const modeSense10 = (page: number, length: number): ScsiCommand =>
  build("MODE SENSE (10)", "in", 10, 0x5a, (cdb) => {
    cdb.setUint8(2, page);
    cdb.setUint16(7, length);
  });

/** SBC-3 §5.25: START 1, IMMED 0, power condition 0. */
export const startUnit = (): ScsiCommand =>
  build("START STOP UNIT", "in", 6, 0x1b, (cdb) => cdb.setUint8(4, 1));

/** SBC-3 §5.15 */
export const readCapacity10 = (): ScsiCommand => build("READ CAPACITY (10)", "in", 10, 0x25, () => {});

/** SBC-3 §5.16: service action 10h of SERVICE ACTION IN (16). */
export const readCapacity16 = (length: number): ScsiCommand =>
  build("READ CAPACITY (16)", "in", 16, 0x9e, (cdb) => {
    cdb.setUint8(1, 0x10);
    cdb.setUint32(10, length);
  });

/** The 10-byte forms reach 2^32 sectors in steps of 65,535; every disk has them, the 16-byte ones only newer disks. */
const wide = (lba: number, count: number): boolean => lba + count > TWO_32 || count > COUNT_16_MAX;

function transfer(
  name: string,
  direction: "in" | "out",
  opcodes: [number, number],
  lba: number,
  count: number,
  flags: number,
): ScsiCommand {
  return wide(lba, count)
    ? build(`${name} (16)`, direction, 16, opcodes[1], (cdb) => {
        cdb.setUint8(1, flags);
        setLba64(cdb, 2, lba);
        cdb.setUint32(10, count);
      })
    : build(`${name} (10)`, direction, 10, opcodes[0], (cdb) => {
        cdb.setUint8(1, flags);
        cdb.setUint32(2, lba);
        cdb.setUint16(7, count);
      });
}

/** SBC-3 §5.10 and §5.12 */
export const read = (lba: number, count: number): ScsiCommand =>
  transfer("READ", "in", [0x28, 0x88], lba, count, 0);

const FUA = 0x08; // byte 1 bit 3

/** SBC-3 §5.34 and §5.36 */
export const write = (lba: number, count: number, fua: boolean): ScsiCommand =>
  transfer("WRITE", "out", [0x2a, 0x8a], lba, count, fua ? FUA : 0);

/** SBC-3 §5.26: from LBA 0 with a count of 0: the whole medium. IMMED 0: it answers when it is done. */
export const synchronizeCache = (): ScsiCommand => build("SYNCHRONIZE CACHE (10)", "out", 10, 0x35, () => {});

/** SBC-3 §5.27: the same. */
export const synchronizeCache16 = (): ScsiCommand =>
  build("SYNCHRONIZE CACHE (16)", "out", 16, 0x91, () => {});

/** SBC-3 §5.28 */
export const unmap = (parameterLength: number): ScsiCommand =>
  build("UNMAP", "out", 10, 0x42, (cdb) => cdb.setUint16(7, parameterLength));

/** One extent as UNMAP's parameter list: SBC-3 §5.28.2. */
export function unmapList(lba: number, count: number): Uint8Array {
  const list = new Uint8Array(24);
  const view = new DataView(list.buffer);
  view.setUint16(0, 22); // bytes behind this field
  view.setUint16(2, 16); // bytes of block descriptors
  setLba64(view, 8, lba);
  view.setUint32(16, count);
  return list;
}

/** SBC-3 §5.42; one sector of data goes with it. */
export const writeSame16 = (lba: number, count: number, unmapped: boolean): ScsiCommand =>
  build("WRITE SAME (16)", "out", 16, 0x93, (cdb) => {
    cdb.setUint8(1, unmapped ? 0x08 : 0);
    setLba64(cdb, 2, lba);
    cdb.setUint32(10, count);
  });
