// Runs in: driver host, jailed. Owns: nothing. Pure codec: the wrappers of USB Mass Storage Class Bulk-Only Transport 1.0 ("BOT").
import { bytes, type Setup, struct, u8, u32 } from "@ring3/sdk";

export const CBW_BYTES = 31; // BOT §5.1
export const CSW_BYTES = 13; // BOT §5.2
export const CDB_BYTES_MAX = 16; // BOT §5.1, bCBWCBLength
export const LUN_MAX = 15; // BOT §3.2: 0 to 15

const CBW_SIGNATURE = 0x43425355; // "USBC", BOT §5.1
const CSW_SIGNATURE = 0x53425355; // "USBS", BOT §5.2
const DIRECTION_IN = 0x80; // bmCBWFlags bit 7, BOT §5.1

const cbwLayout = struct(
  { signature: u32, tag: u32, dataLength: u32, flags: u8, lun: u8, cdbLength: u8, cdb: bytes(CDB_BYTES_MAX) },
  { packed: true },
);
const cswLayout = struct({ signature: u32, tag: u32, residue: u32, status: u8 }, { packed: true });

export interface Cbw {
  readonly tag: number;
  readonly lun: number;
  readonly direction: "in" | "out";
  /** Bytes the host expects to move in the data phase. */
  readonly dataLength: number;
  readonly cdb: Uint8Array;
}

export function encodeCbw(cbw: Cbw, into: Uint8Array): void {
  const cdb = new Uint8Array(CDB_BYTES_MAX);
  cdb.set(cbw.cdb);
  cbwLayout.encode(
    {
      signature: CBW_SIGNATURE,
      tag: cbw.tag,
      dataLength: cbw.dataLength,
      flags: cbw.direction === "in" ? DIRECTION_IN : 0,
      lun: cbw.lun,
      cdbLength: cbw.cdb.length,
      cdb,
    },
    viewOf(into),
    0,
  );
}

export interface Csw {
  readonly status: "passed" | "failed" | "phase-error";
  /** Of the bytes announced in the CBW: how many the device did not process. */
  readonly residue: number;
}

const statuses = ["passed", "failed", "phase-error"] as const; // bCSWStatus 0 to 2, BOT table 5.3

/** A CSW that is valid (BOT §6.3.1) and meaningful (§6.3.2), or in words why it is not. */
export function decodeCsw(received: Uint8Array, tag: number, dataLength: number): Csw | string {
  if (received.length !== CSW_BYTES) return `CSW of ${received.length} bytes, expected ${CSW_BYTES}`;
  const csw = cswLayout.decode(viewOf(received), 0);
  if (csw.signature !== CSW_SIGNATURE)
    return `CSW signature 0x${csw.signature.toString(16)}, expected 0x${CSW_SIGNATURE.toString(16)}`;
  if (csw.tag !== tag) return `CSW tag ${csw.tag}, expected ${tag}`;
  const status = statuses[csw.status];
  if (status === undefined) return `CSW status ${csw.status}, expected 0 to 2`;
  if (status !== "phase-error" && csw.residue > dataLength)
    return `CSW residue ${csw.residue}, expected at most ${dataLength}`;
  return { status, residue: csw.residue };
}

// Class-specific requests, BOT §3.1 and §3.2

/** Readies the device for the next CBW; halted endpoints and data toggles stay as they are. */
export const massStorageReset = (interfaceNumber: number): Setup => ({
  requestType: 0x21,
  request: 0xff,
  value: 0,
  index: interfaceNumber,
});

/** One byte comes back: the highest LUN. A device with a single LUN may stall it. */
export const getMaxLun = (interfaceNumber: number): Setup => ({
  requestType: 0xa1,
  request: 0xfe,
  value: 0,
  index: interfaceNumber,
});

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
