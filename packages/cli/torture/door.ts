// Runs in: CLI. Owns: nothing. How the workload reaches a disk, whichever way that is.
import { setTimeout as sleep } from "node:timers/promises";
import { sentence } from "@ring3/control/sentence";
import type { Range } from "./ledger.ts";

/** Why a request failed: a DeviceError's kind, "short", or of an NBD server, which says less, "refused" and "disconnected". */
export class RequestFailure extends Error {
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Door {
  /** Nothing can be asked any more until it is opened anew. */
  readonly closed: boolean;
  /** Closes what was open. Rejects where the disk is not there yet. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Each rejects with a RequestFailure. `deadlineMs`: where such can be given. */
  read(range: Range, deadlineMs: number | undefined): Promise<Uint8Array>;
  write(range: Range, bytes: Uint8Array, forced: boolean, deadlineMs: number | undefined): Promise<void>;
  flush(): Promise<void>;
}

const PATIENCE_MS = 120_000;
const AGAIN_MS = 10;

/** What may not be possible yet. */
export async function eventually<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > until)
        throw sentence("timeout", `${what}: not within ${PATIENCE_MS} ms: ${(error as Error).message}`);
      await sleep(AGAIN_MS, undefined, { ref: false }); // no reason to stay, once ring3 and all drives have ended
    }
  }
}
