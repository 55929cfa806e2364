// Runs in: driver host, in a driver's code. Owns: how the result of a transfer becomes a value or a DeviceError.
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import type { UsbInResult, UsbOutResult, UsbStatus } from "./usb/types.ts";

/** How a transfer ended. All but "ok" leave `bytes` at what had moved until then. */
export type OutcomeStatus = "ok" | "stall" | "gone" | "cancelled" | "timeout" | "overflow" | "error";

/** What `usb.raw` gives: what hardware does every day is a value, not an exception. */
export interface Outcome {
  readonly status: OutcomeStatus;
  readonly bytes: number;
  /** Positive Linux errno; 0 when ok. */
  readonly errno: number;
}

const kinds: Record<Exclude<OutcomeStatus, "ok">, DeviceErrorKind> = {
  stall: "stall",
  gone: "disconnected",
  cancelled: "cancelled",
  timeout: "timeout",
  overflow: "protocol",
  error: "io",
};

/** The error of a bad outcome; undefined for a good one. */
export function outcomeError(outcome: Outcome, what: string): DeviceError | undefined {
  if (outcome.status === "ok") return undefined;
  const kind = kinds[outcome.status];
  // A cancelled transfer's errno (ECONNRESET) is the kernel's business; the kind's own says more to a program.
  return outcome.status === "overflow" || outcome.status === "error"
    ? new DeviceError(kind, what, { errno: outcome.errno })
    : new DeviceError(kind, what);
}

/** The good part of a result, or a DeviceError: the bytes received, or how many were moved. */
export function ok(result: UsbInResult, what?: string): DataView<ArrayBuffer>;
export function ok(result: UsbOutResult | Outcome, what?: string): number;
export function ok(
  result: UsbInResult | UsbOutResult | Outcome,
  what = "USB transfer",
): DataView<ArrayBuffer> | number {
  if ("bytes" in result) {
    const error = outcomeError(result, what);
    if (error !== undefined) throw error;
    return result.bytes;
  }
  const error = statusError(result.status, what);
  if (error !== undefined) throw error;
  return "data" in result ? result.data : result.bytesWritten;
}

function statusError(status: UsbStatus, what: string): DeviceError | undefined {
  switch (status) {
    case "ok":
      return undefined;
    case "stall":
      return new DeviceError("stall", what);
    case "babble":
      return new DeviceError("protocol", `${what}: more data than asked for`);
  }
}
