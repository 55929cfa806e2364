// Runs in: reflector. Owns: nothing; what an NBD client is told of a disk, and which of its requests are wrong. Pure.
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import {
  NBD_CMD_CACHE,
  NBD_CMD_FLAG_DF,
  NBD_CMD_FLAG_FUA,
  NBD_CMD_FLAG_NO_HOLE,
  NBD_CMD_FLUSH,
  NBD_CMD_READ,
  NBD_CMD_TRIM,
  NBD_CMD_WRITE,
  NBD_CMD_WRITE_ZEROES,
  NBD_EINVAL,
  NBD_EIO,
  NBD_ENOMEM,
  NBD_ENOSPC,
  NBD_ENOTSUP,
  NBD_EOVERFLOW,
  NBD_EPERM,
  NBD_ESHUTDOWN,
  NBD_FLAG_CAN_MULTI_CONN,
  NBD_FLAG_HAS_FLAGS,
  NBD_FLAG_READ_ONLY,
  NBD_FLAG_ROTATIONAL,
  NBD_FLAG_SEND_CACHE,
  NBD_FLAG_SEND_DF,
  NBD_FLAG_SEND_FLUSH,
  NBD_FLAG_SEND_FUA,
  NBD_FLAG_SEND_TRIM,
  NBD_FLAG_SEND_WRITE_ZEROES,
  NBD_PAYLOAD_MAX,
} from "@ring3/kernel/nbd/constants";
import type { NbdExport } from "@ring3/kernel/nbd/handshake";
import type { NbdRequest } from "@ring3/kernel/nbd/transmission";
import { BLOCK_DISCARD, BLOCK_READ_ONLY, BLOCK_ROTATIONAL, type Geometry } from "./contract.ts";

/** A disk as one NBD connection sees it, from negotiation to its end. */
export interface DiskExport extends NbdExport {
  readonly sectorBytes: number;
  /** Bytes of the largest read or write that the driver takes: one slot's. A multiple of the sector. */
  readonly pieceBytes: number;
}

export interface Serving {
  readonly slots: number;
  readonly slotBytes: number;
  readonly readOnly: boolean;
}

/** proto.md, "Block sizes": preferred at least 4096, a power of two; the minimum a power of two up to 64 KiB. */
const PREFERRED_BLOCK = 4096;
const MINIMUM_BLOCK_MAX = 65_536;

export function diskExport(geometry: Geometry, serving: Serving): DiskExport {
  const { sectorBytes, sectors, maxTransferSectors, flags } = geometry;
  const isPowerOfTwo = sectorBytes > 0 && (sectorBytes & (sectorBytes - 1)) === 0;
  if (!isPowerOfTwo || sectorBytes > MINIMUM_BLOCK_MAX)
    throw new DeviceError("unsupported", `NBD export of a disk with sectors of ${sectorBytes} bytes`);
  const pieceSectors = Math.min(maxTransferSectors, Math.floor(serving.slotBytes / sectorBytes));
  if (pieceSectors < 1)
    throw new DeviceError(
      "unsupported",
      `NBD export of a disk that takes ${maxTransferSectors} sectors of ${sectorBytes} bytes at a time`,
    );
  const pieceBytes = pieceSectors * sectorBytes;
  const readOnly = serving.readOnly || (flags & BLOCK_READ_ONLY) !== 0;
  return {
    bytes: sectors * sectorBytes,
    sectorBytes,
    pieceBytes,
    minimumBlock: sectorBytes,
    preferredBlock: Math.max(PREFERRED_BLOCK, sectorBytes),
    maximumPayload: Math.min(NBD_PAYLOAD_MAX, pieceBytes * serving.slots),
    // All connections share one port to the driver, and a flush covers what any of them has written: CAN_MULTI_CONN.
    flags:
      NBD_FLAG_HAS_FLAGS |
      NBD_FLAG_SEND_FLUSH |
      NBD_FLAG_SEND_FUA |
      NBD_FLAG_SEND_CACHE |
      NBD_FLAG_CAN_MULTI_CONN |
      ((flags & BLOCK_ROTATIONAL) !== 0 ? NBD_FLAG_ROTATIONAL : 0) |
      (readOnly ? NBD_FLAG_READ_ONLY : NBD_FLAG_SEND_WRITE_ZEROES) |
      (!readOnly && (flags & BLOCK_DISCARD) !== 0 ? NBD_FLAG_SEND_TRIM : 0),
  };
}

export interface Refusal {
  /** One of NBD's error values. */
  readonly error: number;
  readonly text: string;
}

interface CommandRule {
  readonly name: string;
  readonly allowedFlags: number;
  /** Carries data either way, so at most maximumPayload bytes. */
  readonly payload: boolean;
  readonly mutates: boolean;
  /** Error for a range beyond the end (proto.md, "Error values": ENOSPC for what writes). */
  readonly beyondEnd: number;
}

// Linux and others set FUA on anything once SEND_FUA was advertised; the specification wants it accepted.
const commands = new Map<number, CommandRule>([
  [
    NBD_CMD_READ,
    {
      name: "read",
      allowedFlags: NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_DF,
      payload: true,
      mutates: false,
      beyondEnd: NBD_EINVAL,
    },
  ],
  [
    NBD_CMD_WRITE,
    { name: "write", allowedFlags: NBD_CMD_FLAG_FUA, payload: true, mutates: true, beyondEnd: NBD_ENOSPC },
  ],
  [
    NBD_CMD_TRIM,
    { name: "trim", allowedFlags: NBD_CMD_FLAG_FUA, payload: false, mutates: true, beyondEnd: NBD_EINVAL },
  ],
  [
    NBD_CMD_CACHE,
    { name: "cache", allowedFlags: NBD_CMD_FLAG_FUA, payload: false, mutates: false, beyondEnd: NBD_EINVAL },
  ],
  [
    NBD_CMD_WRITE_ZEROES,
    {
      name: "write zeroes",
      allowedFlags: NBD_CMD_FLAG_FUA | NBD_CMD_FLAG_NO_HOLE,
      payload: false,
      mutates: true,
      beyondEnd: NBD_ENOSPC,
    },
  ],
]);

/** "read of 4096 bytes at 8192", for messages. */
export function describe(request: NbdRequest): string {
  const { type, length, offset } = request;
  if (type === NBD_CMD_FLUSH) return "flush";
  return `${commands.get(type)?.name ?? `command ${type}`} of ${length} bytes at ${offset}`;
}

/** What is wrong with a request, if anything. Its payload, if it is a write, still has to be taken off the stream. */
export function refusal(request: NbdRequest, disk: DiskExport, structured: boolean): Refusal | undefined {
  const { type, flags, offset, length } = request;
  const refuse = (error: number, why: string): Refusal => ({ error, text: `${describe(request)}: ${why}` });
  const rule = commands.get(type);
  if (rule === undefined) {
    if (type !== NBD_CMD_FLUSH) return refuse(NBD_EINVAL, "unknown command");
    return (flags & ~NBD_CMD_FLAG_FUA) === 0 ? undefined : refuse(NBD_EINVAL, `unknown flags ${flags}`);
  }
  const allowed = structured ? rule.allowedFlags : rule.allowedFlags & ~NBD_CMD_FLAG_DF;
  if ((flags & ~allowed) !== 0) return refuse(NBD_EINVAL, `unknown flags ${flags & ~allowed}`);
  if (rule.mutates && (disk.flags & NBD_FLAG_READ_ONLY) !== 0)
    return refuse(NBD_EPERM, "the export is read-only");
  if (type === NBD_CMD_TRIM && (disk.flags & NBD_FLAG_SEND_TRIM) === 0)
    return refuse(NBD_EINVAL, "the disk cannot discard");
  if (length === 0) return refuse(NBD_EINVAL, "nothing to do");
  if (offset + length > disk.bytes) return refuse(rule.beyondEnd, `the export ends at ${disk.bytes}`);
  if (offset % disk.sectorBytes !== 0 || length % disk.sectorBytes !== 0)
    return refuse(NBD_EINVAL, `offset and length must be multiples of ${disk.sectorBytes}`);
  if (rule.payload && length > disk.maximumPayload)
    return refuse(
      rule.mutates ? NBD_EINVAL : NBD_EOVERFLOW,
      `at most ${disk.maximumPayload} bytes at a time`,
    );
  return undefined;
}

const errors: Partial<Record<DeviceErrorKind, number>> = {
  "read-only": NBD_EPERM,
  denied: NBD_EPERM,
  "out-of-range": NBD_EINVAL,
  invalid: NBD_EINVAL,
  "no-space": NBD_ENOSPC,
  unsupported: NBD_ENOTSUP,
  disconnected: NBD_ESHUTDOWN,
};

/** NBD's error value for a failed request. */
export function nbdError(kind: DeviceErrorKind, errno: number): number {
  return errors[kind] ?? (errno === NBD_ENOMEM ? NBD_ENOMEM : NBD_EIO);
}

/** SEND_DF may be told only to who has negotiated structured replies. */
export function flagsFor(disk: DiskExport, structured: boolean): number {
  return structured ? disk.flags | NBD_FLAG_SEND_DF : disk.flags;
}

/** The address that clients take as it is (the NBD project's doc/uri.md). */
export function nbdAddress(exportName: string, socketPath: string): string {
  return `nbd+unix:///${encodeURIComponent(exportName)}?socket=${encodeURIComponent(socketPath).replaceAll("%2F", "/")}`;
}
