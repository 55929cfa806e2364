// Runs in: driver host, manager. Owns: nothing. Pure: the URB half of USB/IP, both ends (Linux: Documentation/usb/usbip_protocol.rst).
// Numbers are big-endian; every header has 48 bytes. A field that the receiver uses is checked here; the others carry no meaning.
import { DeviceError } from "@ring3/core/errors";

export const HEADER_BYTES = 48; // usbip_header_basic, 20 bytes, and the longest of the four bodies
export const SETUP_BYTES = 8;
export const PACKET_BYTES = 16; // struct usbip_iso_packet_descriptor, drivers/usb/usbip/usbip_common.h
export const MAX_PACKETS = 1024; // USBIP_MAX_ISO_PACKETS, usbip_common.h

const CMD_SUBMIT = 1;
const CMD_UNLINK = 2;
const RET_SUBMIT = 3;
const RET_UNLINK = 4;

const DIRECTION_OUT = 0;
const DIRECTION_IN = 1;
const NOT_ISOCHRONOUS = 0xffffffff; // number_of_packets by the specification; Linux's own server sends 0
const MAX_LENGTH = 0x7fffffff; // transfer_buffer_length and actual_length are ints in Linux
const MAX_ERRNO = 4095; // linux/err.h

// transfer_flags: linux/usbip.h
export const URB_ISO_ASAP = 0x0002;
export const URB_DIR_IN = 0x0200;

export interface CmdSubmit {
  readonly command: "submit";
  readonly seqnum: number;
  readonly devid: number;
  readonly direction: "in" | "out";
  /** 0 to 15, without direction bit. */
  readonly endpoint: number;
  readonly flags: number;
  readonly length: number;
  readonly startFrame: number;
  /** 0 unless isochronous. */
  readonly packetCount: number;
  readonly interval: number;
  /** 8 bytes; zeros unless control. */
  readonly setup: Uint8Array;
}

export interface CmdUnlink {
  readonly command: "unlink";
  readonly seqnum: number;
  readonly devid: number;
  readonly unlinkSeqnum: number;
}

export interface RetSubmit {
  readonly reply: "submit";
  readonly seqnum: number;
  /** 0 or a negative errno. */
  readonly status: number;
  /** Bytes moved. For IN as many follow. */
  readonly length: number;
  readonly startFrame: number;
  readonly packetCount: number;
  readonly errorCount: number;
}

export interface RetUnlink {
  readonly reply: "unlink";
  readonly seqnum: number;
  /** -ECONNRESET: unlinked, no RET_SUBMIT follows. 0: it had completed before. */
  readonly status: number;
}

export type Command = CmdSubmit | CmdUnlink;
export type Reply = RetSubmit | RetUnlink;

export interface IsoPacket {
  readonly offset: number;
  readonly length: number;
  readonly actual: number;
  /** 0 or a negative errno. */
  readonly status: number;
}

export function encodeCommand(command: Command, into = new Uint8Array(HEADER_BYTES)): Uint8Array {
  const view = header(into);
  view.setUint32(4, command.seqnum);
  view.setUint32(8, command.devid);
  if (command.command === "unlink") {
    view.setUint32(0, CMD_UNLINK);
    view.setUint32(0x14, command.unlinkSeqnum);
    return into;
  }
  view.setUint32(0, CMD_SUBMIT);
  view.setUint32(0x0c, command.direction === "in" ? DIRECTION_IN : DIRECTION_OUT);
  view.setUint32(0x10, command.endpoint);
  view.setUint32(0x14, command.flags);
  view.setUint32(0x18, command.length);
  view.setUint32(0x1c, command.startFrame);
  view.setUint32(0x20, command.packetCount === 0 ? NOT_ISOCHRONOUS : command.packetCount);
  view.setUint32(0x24, command.interval);
  into.set(command.setup.subarray(0, SETUP_BYTES), 0x28);
  return into;
}

/** Throws DeviceError "protocol" for a header no client may send. */
export function decodeCommand(bytes: Uint8Array): Command {
  const view = viewOf(bytes);
  const command = view.getUint32(0);
  const seqnum = view.getUint32(4);
  const devid = view.getUint32(8);
  if (command === CMD_UNLINK) {
    return { command: "unlink", seqnum, devid, unlinkSeqnum: view.getUint32(0x14) };
  }
  if (command !== CMD_SUBMIT) refuse("command", "1 (CMD_SUBMIT) or 2 (CMD_UNLINK)", command);
  const direction = view.getUint32(0x0c);
  if (direction > DIRECTION_IN) refuse("direction", "0 or 1", direction);
  const endpoint = view.getUint32(0x10);
  if (endpoint > 15) refuse("ep", "0 to 15", endpoint);
  return {
    command: "submit",
    seqnum,
    devid,
    direction: direction === DIRECTION_IN ? "in" : "out",
    endpoint,
    flags: view.getUint32(0x14),
    length: length(view, "transfer_buffer_length"),
    startFrame: view.getUint32(0x1c),
    packetCount: packetCount(view),
    interval: view.getUint32(0x24),
    setup: bytes.slice(0x28, 0x28 + SETUP_BYTES),
  };
}

export function encodeReply(reply: Reply, into = new Uint8Array(HEADER_BYTES)): Uint8Array {
  const view = header(into);
  view.setUint32(4, reply.seqnum);
  view.setInt32(0x14, reply.status);
  if (reply.reply === "unlink") {
    view.setUint32(0, RET_UNLINK);
    return into;
  }
  view.setUint32(0, RET_SUBMIT);
  view.setUint32(0x18, reply.length);
  view.setUint32(0x1c, reply.startFrame);
  view.setUint32(0x20, reply.packetCount === 0 ? NOT_ISOCHRONOUS : reply.packetCount);
  view.setUint32(0x24, reply.errorCount);
  return into;
}

/** Throws DeviceError "protocol" for a header no server may send. devid, direction and ep mean nothing in a reply. */
export function decodeReply(bytes: Uint8Array): Reply {
  const view = viewOf(bytes);
  const command = view.getUint32(0);
  const seqnum = view.getUint32(4);
  if (command !== RET_SUBMIT && command !== RET_UNLINK) {
    refuse("command", "3 (RET_SUBMIT) or 4 (RET_UNLINK)", command);
  }
  const status = errno(view, 0x14, "status");
  if (command === RET_UNLINK) return { reply: "unlink", seqnum, status };
  const packets = packetCount(view);
  const errorCount = view.getUint32(0x24);
  if (errorCount > packets) refuse("error_count", `at most the ${packets} packets`, errorCount);
  return {
    reply: "submit",
    seqnum,
    status,
    length: length(view, "actual_length"),
    startFrame: view.getUint32(0x1c),
    packetCount: packets,
    errorCount,
  };
}

export function encodePackets(packets: readonly IsoPacket[]): Uint8Array {
  const bytes = new Uint8Array(packets.length * PACKET_BYTES);
  const view = viewOf(bytes);
  packets.forEach(({ offset, length, actual, status }, index) => {
    view.setUint32(index * PACKET_BYTES, offset);
    view.setUint32(index * PACKET_BYTES + 4, length);
    view.setUint32(index * PACKET_BYTES + 8, actual);
    view.setInt32(index * PACKET_BYTES + 12, status);
  });
  return bytes;
}

/** `bytes` holds whole descriptors. Throws DeviceError "protocol" where more arrived than a packet holds. */
export function decodePackets(bytes: Uint8Array): IsoPacket[] {
  const view = viewOf(bytes);
  return Array.from({ length: bytes.length / PACKET_BYTES }, (_, index) => {
    const at = index * PACKET_BYTES;
    const room = view.getUint32(at + 4);
    const actual = view.getUint32(at + 8);
    if (actual > room) refuse(`packet ${index}: actual_length`, `at most its length ${room}`, actual);
    const status = errno(view, at + 12, `packet ${index}: status`);
    return { offset: view.getUint32(at), length: room, actual, status };
  });
}

function header(into: Uint8Array): DataView {
  into.fill(0, 0, HEADER_BYTES);
  return viewOf(into);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function length(view: DataView, field: string): number {
  const value = view.getUint32(0x18);
  if (value > MAX_LENGTH) refuse(field, `at most ${MAX_LENGTH}`, value);
  return value;
}

function packetCount(view: DataView): number {
  const count = view.getUint32(0x20);
  if (count === NOT_ISOCHRONOUS) return 0;
  if (count > MAX_PACKETS) refuse("number_of_packets", `0xffffffff or at most ${MAX_PACKETS}`, count);
  return count;
}

function errno(view: DataView, at: number, field: string): number {
  const value = view.getInt32(at);
  if (value > 0 || value < -MAX_ERRNO) refuse(field, `0 or an errno from -${MAX_ERRNO} to -1`, value);
  return value;
}

function refuse(field: string, expected: string, found: number): never {
  throw new DeviceError("protocol", `USB/IP header: ${field}: expected ${expected}, found ${found}`);
}
