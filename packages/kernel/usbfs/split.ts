// Runs in: driver host. Owns: nothing. Pure: into which URBs a bulk transfer is cut, and what their results mean together.
import { ECONNRESET, ENODEV, ENOENT, EOVERFLOW, EREMOTEIO, outcome } from "../usb/outcome.ts";
import type { Outcome } from "../usb/transport.ts";
import { USBDEVFS_CAP_BULK_CONTINUATION, USBDEVFS_CAP_BULK_SCATTER_GATHER } from "./constants.ts";

export interface SplitRule {
  /** Bytes of every URB but the last; a multiple of every bulk packet size, so that no URB but the last ends in a short packet. */
  readonly pieceBytes: number;
  /** How many URBs of one transfer may be queued together. Of one alone each waits until the one before it came back full. */
  readonly inFlight: number;
}

/** One transfer may have a quarter of what usbfs has for the whole machine (usbfs_memory_mb): a longer one waits for itself, not others for it. */
const IN_FLIGHT_BYTES = 4 << 20;

/**
 * With scatter-gather usbfs takes a large transfer as 16 KiB chunks of kernel memory; without, as one contiguous block, which above
 * 16 KiB fails on a fragmented machine. Queueing ahead needs BULK_CONTINUATION: a controller without it (xHCI) goes on with the next URB
 * after a short packet and would let it swallow what belongs to the next transfer. With the flag the kernel itself takes back what is queued
 * behind an URB that has failed, or that came back short with SHORT_NOT_OK, and refuses more (cancel_bulk_urbs).
 */
export function splitRule(capabilities: number): SplitRule {
  const scatterGather = (capabilities & USBDEVFS_CAP_BULK_SCATTER_GATHER) !== 0;
  const pieceBytes = scatterGather ? 1 << 20 : 1 << 14;
  const together = (capabilities & USBDEVFS_CAP_BULK_CONTINUATION) !== 0;
  return { pieceBytes, inFlight: together ? IN_FLIGHT_BYTES / pieceBytes : 1 };
}

export interface PieceResult {
  readonly length: number;
  readonly actual: number;
  /** Positive errno of the URB; 0 for success. */
  readonly errno: number;
}

/** Does this URB's result end its transfer? */
export function endsTransfer({ length, actual, errno }: PieceResult): boolean {
  return errno !== 0 || actual < length;
}

/**
 * The outcome of a transfer: what moved up to the first URB that came back short or failed. `unsent` is why no more URBs were submitted:
 * the errno of a refused submission, ECONNRESET after a cancellation, 0 if all were. `away` turns the cancellations that unplugging causes
 * into ENODEV, unless the caller `asked` for one.
 */
export function outcomeOfPieces(
  pieces: readonly PieceResult[],
  unsent: number,
  { asked, away }: { asked: boolean; away: boolean },
): Outcome {
  const end = pieces.findIndex(endsTransfer);
  const moved = end === -1 ? pieces : pieces.slice(0, end + 1);
  const bytes = moved.reduce((sum, { actual }) => sum + actual, 0);
  const last = end === -1 ? undefined : pieces[end];
  // Short with SHORT_NOT_OK is reported as EREMOTEIO: an ordinary short transfer.
  const errno = last === undefined ? unsent : last.errno === EREMOTEIO ? 0 : last.errno;
  // Data behind a short URB belongs to no place of the buffer: the device sent more than this transfer.
  if (errno === 0 && end !== -1 && pieces.slice(end + 1).some(({ actual }) => actual > 0))
    return outcome(EOVERFLOW, bytes);
  const unlinked = errno === ENOENT || errno === ECONNRESET;
  return outcome(unlinked && away && !asked ? ENODEV : errno, bytes);
}
