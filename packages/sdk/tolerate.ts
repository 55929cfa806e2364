// Runs in: driver host, in a driver's code. Owns: nothing; what a driver goes on without.
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";

/**
 * For lights and motors at the start: where the device refuses them (stall) or does not answer (timeout), a warning is all that comes of it. False:
 * so it was. `kinds`: of those errors, where others are to be expected.
 */
export async function tolerate(
  log: Pick<Log, "warn">,
  asked: Promise<unknown>,
  kinds: readonly DeviceErrorKind[] = ["stall", "timeout"],
): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    if (!(error instanceof DeviceError) || !kinds.includes(error.kind)) throw error;
    log.warn(`goes on without: ${error.message}`);
    return false;
  }
}
