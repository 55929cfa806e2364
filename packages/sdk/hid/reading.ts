// Runs in: driver host, sdk/test. Owns: the transfers of one interrupt IN endpoint, over its stalls and errors, until it is told to end.
import { type Outcome, outcomeError } from "../outcome.ts";
import { runWithin } from "../request-context.ts";
import type { RawUsb, StreamOptions } from "../usb/types.ts";
import { REQUEST_MS } from "./requests.ts";
import type { HidContext } from "./types.ts";

// drivers/hid/usbhid/hid-core.c, hid_io_error: pauses of 13, 26, 52, 104, 104 … ms for a second, forgotten half a second later.
const FIRST_PAUSE_MS = 13;
const LONGEST_PAUSE_MS = 104;
const TRY_MS = 1000;
const FORGET_MS = 500;

export interface Reading {
  readonly raw: Pick<RawUsb, "stream" | "clearHalt">;
  readonly ctx: HidContext;
  readonly endpointNumber: number;
  readonly options: Omit<StreamOptions, "signal">;
  /** Lent until it returns. */
  readonly deliver: (report: Uint8Array) => void;
}

/**
 * Of a HID device or any other, in no request's time: reports come for as long as `signal` lets them. Resolves when `signal` aborts and when the device
 * is gone; rejects with DeviceError when trying again has not helped for a second, and with what `deliver` throws.
 */
export function readReports(reading: Reading, signal: AbortSignal): Promise<void> {
  return runWithin({ signal }, () => readUntilEnd(reading, signal));
}

async function readUntilEnd(reading: Reading, signal: AbortSignal): Promise<void> {
  const { ctx } = reading;
  const pauses = new Pauses();
  while (!signal.aborted) {
    const failed = await readUntilFailure(reading, signal, pauses);
    if (failed === undefined || signal.aborted) return;
    switch (failed.status) {
      case "gone":
      case "cancelled": // not by us: the transport was closed
        return;
      case "stall":
        await clearHalt(reading);
        break;
      case "ok":
      case "error":
      case "overflow":
      case "timeout":
        break;
    }
    const pause = pauses.next(ctx.now());
    if (pause === undefined) throw outcomeError(failed, "input reports")!;
    await ctx.sleep(pause, { signal }).catch(() => undefined); // nothing but `signal` ends it
  }
}

/** Undefined: the signal. */
async function readUntilFailure(
  { raw, endpointNumber, options, deliver }: Reading,
  signal: AbortSignal,
  pauses: Pauses,
): Promise<Outcome | undefined> {
  let failed: Outcome | undefined;
  for await (const received of raw.stream(endpointNumber, { ...options, signal })) {
    if (received.status !== "ok") failed ??= received;
    else if (received.bytes > 0) {
      pauses.forget();
      deliver(received.data);
    }
  }
  return failed;
}

/** What comes of it shows the next transfer. */
async function clearHalt({ raw, ctx, endpointNumber }: Reading): Promise<void> {
  using limit = ctx.limit(REQUEST_MS);
  await raw.clearHalt("in", endpointNumber, limit);
}

/** How long to wait before the next try. */
export class Pauses {
  #pauseMs = 0;
  #giveUpMs = Number.NEGATIVE_INFINITY;

  forget(): void {
    this.#pauseMs = 0;
  }

  /** Undefined: no more tries. */
  next(nowMs: number): number | undefined {
    if (this.#pauseMs === 0 || nowMs > this.#giveUpMs + FORGET_MS) {
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#giveUpMs = nowMs + TRY_MS;
    } else this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    return nowMs > this.#giveUpMs ? undefined : this.#pauseMs;
  }
}
