// Runs in: driver host, manager. Owns: nothing. The one table from Linux's URB errors to outcomes; usbfs and USB/IP both carry these.
import { DeviceError, errnoName } from "@ring3/core/errors";
import type { Outcome, TransferStatus } from "./transport.ts";

// Documentation/driver-api/usb/error-codes.rst; numbers from asm-generic/errno.h.
export const ENOENT = 2; // unlinked synchronously (usb_kill_urb)
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const EPIPE = 32; // the endpoint stalled
export const EPROTO = 71; // bit stuffing, no response, unknown USB error
export const EOVERFLOW = 75; // babble: more than was asked for
export const ECONNRESET = 104; // unlinked asynchronously (usb_unlink_urb)
export const ESHUTDOWN = 108; // device or host controller disabled
export const EREMOTEIO = 121; // short although SHORT_NOT_OK was set

/** `errno` of either sign. */
export function statusOfErrno(errno: number): TransferStatus {
  switch (Math.abs(errno)) {
    case 0:
      return "ok";
    case EPIPE:
      return "stall";
    case ENODEV:
    case ESHUTDOWN:
      return "gone";
    case ENOENT:
    case ECONNRESET:
      return "cancelled";
    case EOVERFLOW:
      return "overflow";
    default:
      return "error";
  }
}

/** `errno` is 0, positive, or negative as the kernel returns it. */
export function outcome(errno: number, bytes = 0): Outcome {
  const positive = Math.abs(errno); // and never -0
  return { status: statusOfErrno(errno), bytes, errno: positive };
}

export const cancelled = (bytes = 0): Outcome => outcome(ECONNRESET, bytes);
export const gone = (bytes = 0): Outcome => outcome(ENODEV, bytes);

const kinds = {
  stall: "stall",
  gone: "disconnected",
  cancelled: "cancelled",
  overflow: "protocol",
  error: "io",
} as const;

/** What went wrong, as an error: for code that cannot go on. `what` says what was tried on what. */
export function failure({ status, errno }: Outcome, what: string): DeviceError {
  if (status === "ok") return new DeviceError("internal", `${what}: failed although the transfer did not`);
  return new DeviceError(kinds[status], `${what}: ${errnoName(errno)}`, { errno });
}
