// Runs in: driver host, sdk/test. Owns: how a wait's signal and deadline end a transfer, and what its outcome is then called.
import type { Clock } from "@ring3/core/clock";
import { type DeviceError, errnoOf } from "@ring3/core/errors";
import type { Outcome as TransportOutcome } from "@ring3/kernel/usb/transport";
import type { Outcome } from "../outcome.ts";
import { currentWait } from "../request-context.ts";
import { abortReason, Limit, type Wait } from "../wait.ts";

const UNLIMITED: Wait = {};

/** The wait as given, else the current request's. */
const effective = (wait: Wait | undefined): Wait => wait ?? currentWait() ?? UNLIMITED;

/** A limit of one's own only where the wait has a deadline that its signal does not know of. */
function limitOf(clock: Clock, wait: Wait, what: string): Limit | undefined {
  if (wait instanceof Limit || wait.deadlineMs === undefined) return undefined;
  return new Limit(clock, wait.deadlineMs, what, wait);
}

function ended(reason: DeviceError, bytes: number): Outcome {
  const status =
    reason.kind === "timeout" ? "timeout" : reason.kind === "disconnected" ? "gone" : "cancelled";
  return { status, bytes, errno: errnoOf(reason.kind) };
}

function reasonOf(wait: Wait, what: string): DeviceError | undefined {
  if (wait instanceof Limit) return wait.over;
  return wait.signal?.aborted ? abortReason(wait.signal, what) : undefined;
}

/** One transfer of the transport. Settles once the transfer is reaped, cancelled or not. */
export async function bounded<T extends TransportOutcome>(
  clock: Clock,
  what: string,
  given: Wait | undefined,
  submit: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<Outcome | T> {
  const outer = effective(given);
  using own = limitOf(clock, outer, what);
  const wait = own ?? outer;
  const early = reasonOf(wait, what);
  if (early !== undefined) return ended(early, 0);
  const outcome = await submit(wait.signal);
  if (outcome.status !== "cancelled") return outcome;
  const reason = reasonOf(wait, what);
  return reason === undefined ? outcome : { ...outcome, ...ended(reason, outcome.bytes) };
}

/** A call of the transport that takes no signal and lends no buffer: when the wait ends first, its end is not waited for. */
export function abandoned(
  clock: Clock,
  what: string,
  given: Wait | undefined,
  run: () => Promise<TransportOutcome>,
): Promise<Outcome> {
  return bounded(clock, what, given, (signal) => {
    if (signal === undefined) return run();
    const { promise, resolve, reject } = Promise.withResolvers<TransportOutcome>();
    const stop = (): void => resolve({ status: "cancelled", bytes: 0, errno: 0 });
    signal.addEventListener("abort", stop, { once: true });
    run().then(resolve, reject);
    return promise.finally(() => signal.removeEventListener("abort", stop));
  });
}
