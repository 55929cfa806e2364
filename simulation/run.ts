// Runs in: make simulate and tests. Owns: worker threads, each with a bundle of its own, and which seed each has in hand.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Bundle } from "./bundle.ts";
import type { Order } from "./worker.ts";
import type { Result } from "./world.ts";

/** Of one seed: many enough that a machine has been through a lot, few enough that a person can read it. */
export const FAULTS = 2500;
/** A seed that takes longer than this on the slowest machine goes round in circles. */
const HANG_MS = 120_000;
/** Garbage is young here. */
const YOUNG_MB = 96;

export interface Campaign {
  readonly bundle: Bundle;
  readonly faults?: number;
  readonly workers: number;
  /** The next seed; undefined: no more. */
  readonly next: () => number | undefined;
  readonly result: (result: Result) => void;
  readonly trace?: (line: string) => void;
}

/** Resolves when every seed is done. */
export async function runSeeds(campaign: Campaign): Promise<void> {
  await Promise.all(Array.from({ length: campaign.workers }, () => runLane(campaign)));
}

function runLane({ bundle, faults = FAULTS, next, result, trace }: Campaign): Promise<void> {
  const order: Order = { driver: bundle.driver, faults, traced: trace !== undefined };
  const worker = new Worker(bundle.code, {
    eval: true,
    workerData: order,
    env: { ...process.env, RING3_ADDON: join(import.meta.dirname, "../build/kernel.node") },
    execArgv: ["--enable-source-maps", "--disable-warning=ExperimentalWarning"],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const give = (): void => {
    clearTimeout(timer);
    const seed = next();
    if (seed === undefined) return resolve();
    timer = setTimeout(() => reject(new Error(`seed ${seed}: not done within ${HANG_MS} ms`)), HANG_MS);
    worker.postMessage(seed);
  };
  worker.on("error", reject);
  worker.on("message", (message: { line: string } | { result: Result }) => {
    if ("line" in message) return trace?.(message.line);
    result(message.result);
    give();
  });
  give();
  return promise.finally(() => {
    clearTimeout(timer);
    return worker.terminate();
  });
}
