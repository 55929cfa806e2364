// Runs in: the usb-drive sim. Owns: nothing; a pure codec of the Bulk-Only wrappers.
// Source: USB Mass Storage Class, Bulk-Only Transport 1.0, §5.1 and §5.2. Little endian.

export const CBW_SIGNATURE = 0x43425355; // "USBC"
export const CSW_SIGNATURE = 0x53425355; // "USBS"
export const CBW_BYTES = 31;
export const CSW_BYTES = 13;

/** bCSWStatus */
export const PASSED = 0;
export const FAILED = 1;
export const PHASE_ERROR = 2;

export interface Cbw {
  readonly tag: number;
  readonly dataLength: number;
  readonly in: boolean;
  readonly lun: number;
  readonly cdb: Uint8Array;
}

/** `undefined`: the wrapper is not valid (§6.2.1), or its reserved bits and lengths make no sense (§6.2.2). */
export function decodeCbw(bytes: Uint8Array): Cbw | undefined {
  if (bytes.length !== CBW_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(12);
  const lun = view.getUint8(13);
  const cdbLength = view.getUint8(14);
  const sane =
    view.getUint32(0, true) === CBW_SIGNATURE &&
    (flags & 0x3f) === 0 &&
    (lun & 0xf0) === 0 &&
    cdbLength >= 1 &&
    cdbLength <= 16;
  if (!sane) return undefined;
  return {
    tag: view.getUint32(4, true),
    dataLength: view.getUint32(8, true),
    in: (flags & 0x80) !== 0,
    lun,
    cdb: bytes.slice(15, 15 + cdbLength),
  };
}

export function encodeCsw(csw: {
  signature: number;
  tag: number;
  residue: number;
  status: number;
}): Uint8Array {
  const bytes = new Uint8Array(CSW_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, csw.signature, true);
  view.setUint32(4, csw.tag, true);
  view.setUint32(8, csw.residue, true);
  view.setUint8(12, csw.status);
  return bytes;
}
