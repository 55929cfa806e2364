// Runs in: make fuzz and tests. Owns: worker threads, which it ends when an input does not.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Order } from "./worker.ts";

/** No input may take longer, on the slowest machine. */
const HANG_MS = 20_000;
const HEAP_MB = 512;

export interface Finding {
  readonly index: number;
  readonly error: string;
}

export interface Outcome {
  readonly taken: number;
  readonly refused: number;
  readonly finding: Finding | undefined;
}

/** Inputs number `from` up to `to` of a target, or up to the first that is a finding. */
export async function fuzz(order: Omit<Order, "progress">, hangMs = HANG_MS): Promise<Outcome> {
  const progress = new Int32Array(new SharedArrayBuffer(12));
  Atomics.store(progress, 0, -1); // until the target is loaded
  const worker = new Worker(join(import.meta.dirname, "worker.ts"), {
    workerData: { ...order, progress } satisfies Order,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const { promise, resolve } = Promise.withResolvers<Finding | undefined>();
  const at = (error: string) => ({ index: Atomics.load(progress, 0), error });
  worker.on("message", resolve);
  worker.on("error", (error) => resolve(at(String((error as Error).stack ?? error))));
  const loadedBy = performance.now() + HANG_MS;
  let last = -1;
  const timer = setInterval(() => {
    const now = Atomics.load(progress, 0);
    if (now === last && (now >= 0 || performance.now() > loadedBy))
      resolve(at(`not done within ${hangMs} ms`));
    last = now;
  }, hangMs);
  const finding = await promise;
  clearInterval(timer);
  await worker.terminate();
  return { taken: Atomics.load(progress, 1), refused: Atomics.load(progress, 2), finding };
}
