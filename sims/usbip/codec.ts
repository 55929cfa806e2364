// Runs in: a sim. Owns: nothing; a pure codec of the server's side of USB/IP.
// Source: Documentation/usb/usbip_protocol.rst (Linux). All integers are big endian.

export const USBIP_VERSION = 0x0111;
export const OP_REQ_DEVLIST = 0x8005;
export const OP_REP_DEVLIST = 0x0005;
export const OP_REQ_IMPORT = 0x8003;
export const OP_REP_IMPORT = 0x0003;
export const CMD_SUBMIT = 1;
export const CMD_UNLINK = 2;
export const RET_SUBMIT = 3;
export const RET_UNLINK = 4;

export const OP_HEADER_BYTES = 8;
export const BUSID_BYTES = 32;
export const URB_HEADER_BYTES = 48;
const PATH_BYTES = 256;
const DEVICE_BYTES = 312; // struct usbip_usb_device
const ST_NA = 1; // OP_REP status: device not available (tools/usb/usbip/libsrc/usbip_common.h)

export const URB_SHORT_NOT_OK = 0x0001; // include/linux/usb.h

// Linux errno values, negated on the wire (asm-generic/errno*.h)
export const ENOMEM = 12;
export const EPIPE = 32;
export const EPROTO = 71;
export const EOVERFLOW = 75;
export const ECONNRESET = 104;
export const ESHUTDOWN = 108;
export const EREMOTEIO = 121;

/** enum usb_device_speed, include/uapi/linux/usb/ch9.h */
export const speedCodes = { low: 1, full: 2, high: 3, super: 5 } as const;
export type Speed = keyof typeof speedCodes;

export interface UsbClass {
  readonly class: number;
  readonly subclass: number;
  readonly protocol: number;
}

/** What DEVLIST and IMPORT tell of a device. */
export interface DeviceRecord {
  readonly path: string;
  readonly busid: string;
  readonly busNumber: number;
  readonly deviceNumber: number;
  readonly speed: Speed;
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceVersion: number;
  readonly configurationValue: number;
  /** All 0: each interface says its own. */
  readonly deviceClass: UsbClass;
  readonly interfaces: readonly UsbClass[];
}

export type Command =
  | {
      readonly kind: "submit";
      readonly seqnum: number;
      readonly endpoint: number;
      readonly in: boolean;
      readonly flags: number;
      readonly length: number;
      readonly packets: number;
      readonly setup: Uint8Array;
    }
  | { readonly kind: "unlink"; readonly seqnum: number; readonly target: number }
  | { readonly kind: "unknown"; readonly code: number };

export function decodeOp(bytes: Buffer): { version: number; code: number } {
  return { version: bytes.readUInt16BE(0), code: bytes.readUInt16BE(2) };
}

export function decodeBusid(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? BUSID_BYTES : end);
}

export function encodeDevlist(records: readonly DeviceRecord[]): Buffer {
  const head = Buffer.alloc(OP_HEADER_BYTES + 4);
  encodeOpHeader(head, OP_REP_DEVLIST, 0);
  head.writeUInt32BE(records.length, OP_HEADER_BYTES);
  const interfaces = (record: DeviceRecord) =>
    Buffer.from(record.interfaces.flatMap((each) => [each.class, each.subclass, each.protocol, 0]));
  return Buffer.concat([head, ...records.flatMap((record) => [encodeDevice(record), interfaces(record)])]);
}

/** A refused import (`undefined`) is a header alone. */
export function encodeImport(record: DeviceRecord | undefined): Buffer {
  const head = Buffer.alloc(OP_HEADER_BYTES);
  encodeOpHeader(head, OP_REP_IMPORT, record === undefined ? ST_NA : 0);
  return record === undefined ? head : Buffer.concat([head, encodeDevice(record)]);
}

export function decodeCommand(bytes: Buffer): Command {
  const code = bytes.readUInt32BE(0);
  const seqnum = bytes.readUInt32BE(4);
  if (code === CMD_UNLINK) return { kind: "unlink", seqnum, target: bytes.readUInt32BE(20) };
  if (code !== CMD_SUBMIT) return { kind: "unknown", code };
  return {
    kind: "submit",
    seqnum,
    in: bytes.readUInt32BE(12) === 1, // USBIP_DIR_IN
    endpoint: bytes.readUInt32BE(16),
    flags: bytes.readUInt32BE(20),
    length: bytes.readUInt32BE(24),
    packets: bytes.readInt32BE(32), // 0 or -1 where the transfer is not isochronous
    setup: bytes.subarray(40, 48),
  };
}

/** `errno` is positive, 0 for success. */
export function encodeRetSubmit(seqnum: number, errno: number, actual: number): Buffer {
  const bytes = Buffer.alloc(URB_HEADER_BYTES);
  bytes.writeUInt32BE(RET_SUBMIT, 0);
  bytes.writeUInt32BE(seqnum, 4);
  bytes.writeInt32BE(-errno, 20);
  bytes.writeUInt32BE(actual, 24);
  return bytes;
}

export function encodeRetUnlink(seqnum: number, errno: number): Buffer {
  const bytes = Buffer.alloc(URB_HEADER_BYTES);
  bytes.writeUInt32BE(RET_UNLINK, 0);
  bytes.writeUInt32BE(seqnum, 4);
  bytes.writeInt32BE(-errno, 20);
  return bytes;
}

function encodeOpHeader(bytes: Buffer, code: number, status: number): void {
  bytes.writeUInt16BE(USBIP_VERSION, 0);
  bytes.writeUInt16BE(code, 2);
  bytes.writeUInt32BE(status, 4);
}

function encodeDevice(record: DeviceRecord): Buffer {
  const bytes = Buffer.alloc(DEVICE_BYTES);
  bytes.write(record.path.slice(0, PATH_BYTES - 1), 0, "latin1");
  bytes.write(record.busid.slice(0, BUSID_BYTES - 1), PATH_BYTES, "latin1");
  let at = PATH_BYTES + BUSID_BYTES;
  at = bytes.writeUInt32BE(record.busNumber, at);
  at = bytes.writeUInt32BE(record.deviceNumber, at);
  at = bytes.writeUInt32BE(speedCodes[record.speed], at);
  at = bytes.writeUInt16BE(record.vendorId, at);
  at = bytes.writeUInt16BE(record.productId, at);
  at = bytes.writeUInt16BE(record.deviceVersion, at);
  at = bytes.writeUInt8(record.deviceClass.class, at);
  at = bytes.writeUInt8(record.deviceClass.subclass, at);
  at = bytes.writeUInt8(record.deviceClass.protocol, at);
  at = bytes.writeUInt8(record.configurationValue, at);
  at = bytes.writeUInt8(1, at); // configurations
  bytes.writeUInt8(record.interfaces.length, at);
  return bytes;
}
