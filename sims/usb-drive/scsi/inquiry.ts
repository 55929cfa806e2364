// Runs in: the usb-drive sim. Owns: nothing; INQUIRY and its vital product data pages.
// Source: SPC-4 §6.4 and §7.8, SBC-3 §6.5.
import { fail, type Plan, reply } from "./plan.ts";
import { INVALID_FIELD_IN_CDB } from "./sense.ts";
import type { LogicalUnit, UnitOptions } from "./unit.ts";

export const MAX_TRANSFER_BYTES = 32 * 1048576;
export const MAX_UNMAP_BYTES = 2 ** 31;
export const MAX_UNMAP_DESCRIPTORS = 64;
export const MAX_WRITE_SAME_BYTES = 2 ** 31;
const OPTIMAL_TRANSFER_BYTES = 1048576;
const REVISION = "1.00";

/** Peripheral qualifier 011b, device type 1Fh: nothing here and nothing can be (SPC-4 §6.4.2). */
const NO_UNIT = 0x7f;

export function inquiry(unit: LogicalUnit | undefined, cdb: DataView): Plan {
  const allocation = cdb.getUint16(3);
  const vital = (cdb.getUint8(1) & 1) !== 0;
  const page = cdb.getUint8(2);
  if (!vital) return page === 0 ? reply(standard(unit?.options), allocation) : fail(INVALID_FIELD_IN_CDB);
  const build = unit === undefined ? undefined : pages.get(page);
  if (build === undefined) return fail(INVALID_FIELD_IN_CDB);
  const body = build(unit!.options);
  const head = Buffer.from([0x00, page, body.length >> 8, body.length & 0xff]);
  return reply(Buffer.concat([head, body]), allocation);
}

function standard(options: UnitOptions | undefined): Uint8Array {
  const bytes = Buffer.alloc(36);
  bytes[0] = options === undefined ? NO_UNIT : 0x00; // direct access block device
  bytes[1] = options?.removable ? 0x80 : 0x00;
  bytes[2] = 0x06; // SPC-4
  bytes[3] = 0x02; // response data format
  bytes[4] = bytes.length - 5;
  bytes.write(padded(options?.vendor ?? "", 8), 8, "latin1");
  bytes.write(padded(options?.product ?? "", 16), 16, "latin1");
  bytes.write(padded(REVISION, 4), 32, "latin1");
  return bytes;
}

const pages: ReadonlyMap<number, (options: UnitOptions) => Uint8Array> = new Map([
  [0x00, () => Uint8Array.from(pages.keys())],
  [0x80, (options) => Buffer.from(unitSerial(options), "latin1")],
  [0x83, identification],
  [0xb0, blockLimits],
  [0xb1, characteristics],
  [0xb2, provisioning],
]);

function unitSerial({ serial, lun }: UnitOptions): string {
  return lun === 0 ? serial : `${serial}-${lun}`;
}

/** One designator: T10 vendor identification in ASCII, SPC-4 §7.8.6.4. */
function identification(options: UnitOptions): Uint8Array {
  const text = padded(options.vendor, 8) + padded(options.product, 16) + unitSerial(options);
  const name = Buffer.from(text, "latin1").subarray(0, 252);
  return Buffer.concat([Buffer.from([0x02, 0x01, 0x00, name.length]), name]);
}

/** SBC-3 §6.5.3 */
function blockLimits({ sectorBytes }: UnitOptions): Uint8Array {
  const page = Buffer.alloc(0x40);
  page[4] = 0x01; // WSNZ: a WRITE SAME has to say how many blocks
  page.writeUInt32BE(MAX_TRANSFER_BYTES / sectorBytes, 8);
  page.writeUInt32BE(OPTIMAL_TRANSFER_BYTES / sectorBytes, 12);
  page.writeUInt32BE(MAX_UNMAP_BYTES / sectorBytes, 20);
  page.writeUInt32BE(MAX_UNMAP_DESCRIPTORS, 24);
  page.writeUInt32BE(Math.max(1, 4096 / sectorBytes), 28); // a file system's block can become a hole
  page.writeUInt32BE(MAX_WRITE_SAME_BYTES / sectorBytes, 40); // low half of the 8-byte field
  return page.subarray(4);
}

/** SBC-3 §6.5.2 */
function characteristics(): Uint8Array {
  const page = Buffer.alloc(0x40);
  page.writeUInt16BE(0x0001, 4); // non-rotating medium
  return page.subarray(4);
}

/** SBC-3 §6.5.4: UNMAP and WRITE SAME (10, 16) unmap; what is unmapped reads as zeroes. */
function provisioning(): Uint8Array {
  const LBPU = 0x80;
  const LBPWS = 0x40;
  const LBPWS10 = 0x20;
  const LBPRZ = 0x04;
  const THIN = 0x02;
  return Uint8Array.of(0, LBPU | LBPWS | LBPWS10 | LBPRZ, THIN, 0);
}

function padded(text: string, width: number): string {
  return text.slice(0, width).padEnd(width);
}
