// Runs in: driver host, jailed. Owns: nothing. Pure: parsers for what SCSI devices answer, read as hostile input: DeviceError("protocol") or a value.
import { DeviceError } from "@ring3/sdk";

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

function need(bytes: Uint8Array, length: number, what: string): DataView {
  if (bytes.length < length)
    throw new DeviceError("protocol", `${what}: expected at least ${length} bytes, found ${bytes.length}`);
  return viewOf(bytes);
}

const TWO_32 = 0x1_0000_0000;

function u64(view: DataView, offset: number, what: string): number {
  const value = view.getUint32(offset) * TWO_32 + view.getUint32(offset + 4);
  if (!Number.isSafeInteger(value)) throw new DeviceError("protocol", `${what}: ${value} is beyond 2^53-1`);
  return value;
}

export const INQUIRY_BYTES = 36; // standard data, SPC-4 §6.6.2
export const SPC_3 = 5; // VERSION, SPC-4 table 142

export interface Inquiry {
  /** 0: direct-access block device, SPC-4 table 139. */
  readonly type: number;
  /** False: no device of this type can be at this LUN (qualifier 001b or 011b, SPC-4 table 138). */
  readonly connected: boolean;
  readonly removable: boolean;
  readonly version: number;
  readonly vendor: string;
  readonly product: string;
}

export function parseInquiry(bytes: Uint8Array): Inquiry {
  // Some devices send 8 to 35 bytes; the identification is then empty.
  need(bytes, 5, "INQUIRY data");
  const text = (from: number, to: number): string =>
    String.fromCharCode(...bytes.subarray(from, to))
      .replace(/[^\x20-\x7e]/g, "")
      .trim();
  return {
    type: bytes[0]! & 0x1f,
    connected: bytes[0]! >> 5 === 0,
    removable: (bytes[1]! & 0x80) !== 0,
    version: bytes[2]!,
    vendor: text(8, 16),
    product: text(16, 32),
  };
}

/** As `ctx.state` gives it back; undefined for anything else. */
export function inquiryIn(value: unknown): Inquiry | undefined {
  const { type, connected, removable, version, vendor, product } = Object(value) as Record<string, unknown>;
  const fits =
    [type, version].every((each) => typeof each === "number") &&
    [connected, removable].every((each) => typeof each === "boolean") &&
    [vendor, product].every((each) => typeof each === "string");
  return fits ? (value as Inquiry) : undefined;
}

export interface Capacity {
  readonly sectors: number;
  readonly sectorBytes: number;
  /** LBPME: logical block provisioning is managed, so that UNMAP may be there. Only READ CAPACITY (16) tells. */
  readonly provisioned: boolean;
}

export const CAPACITY_10_BYTES = 8;
export const CAPACITY_16_BYTES = 32;

function capacity(lastLba: number, sectorBytes: number, provisioned: boolean, what: string): Capacity {
  if (sectorBytes < 512 || sectorBytes > 4096 || (sectorBytes & (sectorBytes - 1)) !== 0)
    throw new DeviceError(
      "unsupported",
      `${what}: expected sectors of 512, 1024, 2048 or 4096 bytes, found ${sectorBytes}`,
    );
  const sectors = lastLba + 1;
  if (!Number.isSafeInteger(sectors * sectorBytes))
    throw new DeviceError(
      "protocol",
      `${what}: ${sectors} sectors of ${sectorBytes} bytes are beyond 2^53-1 bytes`,
    );
  return { sectors, sectorBytes, provisioned };
}

/** SBC-3 §5.15.2; undefined: too large for it, READ CAPACITY (16) tells. */
export function parseCapacity10(bytes: Uint8Array): Capacity | undefined {
  const what = "READ CAPACITY (10) data";
  const view = need(bytes, CAPACITY_10_BYTES, what);
  const last = view.getUint32(0);
  return last === 0xffff_ffff ? undefined : capacity(last, view.getUint32(4), false, what);
}

/** SBC-3 §5.16.2 */
export function parseCapacity16(bytes: Uint8Array): Capacity {
  const what = "READ CAPACITY (16) data";
  const view = need(bytes, 12, what);
  return capacity(
    u64(view, 0, what),
    view.getUint32(8),
    bytes.length > 14 && (bytes[14]! & 0x80) !== 0,
    what,
  );
}

export interface ModeData {
  readonly writeProtected: boolean;
  /** The device honours FUA (DPOFUA). */
  readonly fua: boolean;
  /** WCE of the caching page; undefined when the page is not there. */
  readonly writeCache: boolean | undefined;
}

export const MODE_SENSE_BYTES = 192; // what Windows asks for, and some devices answer nothing else (Linux: use_192_bytes_for_3f)
export const ALL_PAGES = 0x3f; // SPC-4 table 160
export const CACHING_PAGE = 0x08; // SBC-3 §6.5.5

/** Mode parameter header (SPC-4 §7.5.5), block descriptors, pages. Pages cut off at the end are as if they were not there. */
export function parseModeSense(bytes: Uint8Array, form: 6 | 10): ModeData {
  const headerBytes = form === 6 ? 4 : 8;
  const view = need(bytes, headerBytes, `MODE SENSE (${form}) data`);
  const specific = bytes[form === 6 ? 2 : 3]!;
  // MODE DATA LENGTH counts the bytes behind itself.
  const length = form === 6 ? bytes[0]! + 1 : view.getUint16(0) + 2;
  const pages = headerBytes + (form === 6 ? bytes[3]! : view.getUint16(6));
  const caching = findPage(bytes.subarray(0, Math.min(bytes.length, length)), pages, CACHING_PAGE);
  return {
    writeProtected: (specific & 0x80) !== 0, // SBC-3 §6.5.1
    fua: (specific & 0x10) !== 0,
    writeCache: caching === undefined || caching.length < 3 ? undefined : (caching[2]! & 0x04) !== 0,
  };
}

function findPage(bytes: Uint8Array, start: number, wanted: number): Uint8Array | undefined {
  for (let offset = start; offset + 2 <= bytes.length; ) {
    const subpage = (bytes[offset]! & 0x40) !== 0; // SPF, SPC-4 §7.5.7
    if (subpage && offset + 4 > bytes.length) return undefined;
    const length = subpage ? 4 + bytes[offset + 2]! * 256 + bytes[offset + 3]! : 2 + bytes[offset + 1]!;
    if (!subpage && (bytes[offset]! & 0x3f) === wanted) return bytes.subarray(offset, offset + length);
    offset += length;
  }
  return undefined;
}

export const VPD_BYTES = 64; // the longest of the pages below
export const VPD_SUPPORTED = 0x00; // SPC-4 §7.8.15
export const VPD_BLOCK_LIMITS = 0xb0; // SBC-3 §6.6.3
export const VPD_CHARACTERISTICS = 0xb1; // SBC-3 §6.6.2
export const VPD_PROVISIONING = 0xb2; // SBC-3 §6.6.4

function vpd(bytes: Uint8Array, page: number): Uint8Array {
  const what = `VPD page ${page.toString(16)}h`;
  const view = need(bytes, 4, what);
  if (bytes[1] !== page) throw new DeviceError("protocol", `${what}: found page ${bytes[1]!.toString(16)}h`);
  return bytes.subarray(0, Math.min(bytes.length, 4 + view.getUint16(2)));
}

export function parseSupportedPages(bytes: Uint8Array): readonly number[] {
  return [...vpd(bytes, VPD_SUPPORTED).subarray(4)];
}

/** Each in sectors; 0: the device sets no limit or does not say. */
export interface BlockLimits {
  readonly optimalTransfer: number;
  readonly maxTransfer: number;
  readonly maxUnmap: number;
  readonly maxWriteSame: number;
}

export const NO_LIMITS: BlockLimits = { optimalTransfer: 0, maxTransfer: 0, maxUnmap: 0, maxWriteSame: 0 };

export function parseBlockLimits(bytes: Uint8Array): BlockLimits {
  const page = vpd(bytes, VPD_BLOCK_LIMITS);
  const view = viewOf(page);
  const u32 = (offset: number): number => (offset + 4 <= page.length ? view.getUint32(offset) : 0);
  return {
    maxTransfer: u32(8),
    optimalTransfer: u32(12),
    maxUnmap: u32(20),
    // 64 bits wide; a limit beyond WRITE SAME's own 32-bit count is none.
    maxWriteSame: u32(36) === 0 ? u32(40) : 0xffff_ffff,
  };
}

/** MEDIUM ROTATION RATE: revolutions per minute; 0 and 1, and what is reserved, are not about a spinning disk. */
export function parseRotational(bytes: Uint8Array): boolean {
  const page = vpd(bytes, VPD_CHARACTERISTICS);
  const rate = page.length < 6 ? 0 : viewOf(page).getUint16(4);
  return rate >= 0x0401 && rate <= 0xfffe;
}

export interface Provisioning {
  /** LBPU: UNMAP is there. */
  readonly unmap: boolean;
  /** LBPWS: WRITE SAME (16) may unmap. */
  readonly writeSame: boolean;
  /** LBPRZ: unmapped sectors read as zeroes. */
  readonly readsZeroes: boolean;
}

export const NO_PROVISIONING: Provisioning = { unmap: false, writeSame: false, readsZeroes: false };

export function parseProvisioning(bytes: Uint8Array): Provisioning {
  const flags = vpd(bytes, VPD_PROVISIONING)[5] ?? 0;
  return { unmap: (flags & 0x80) !== 0, writeSame: (flags & 0x40) !== 0, readsZeroes: (flags & 0x04) !== 0 };
}
