// Runs in: a worker thread of make fuzz and of tests. Owns: the inputs of one target from one number to another.
import { parentPort, workerData } from "node:worker_threads";
import { inputOf } from "./input.ts";
import { judge, loadTarget } from "./target.ts";

export interface Order {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** [number of the input under way, taken, refused]; shared. */
  readonly progress: Int32Array<SharedArrayBuffer>;
}

const { target: name, seed, from, to, progress } = workerData as Order;
const target = await loadTarget(name);
let failure: { index: number; error: string } | undefined;
for (let index = from; index < to && failure === undefined; index++) {
  Atomics.store(progress, 0, index);
  try {
    const verdict = await judge(target, inputOf(seed, index, target.seeds, target.words ?? []));
    Atomics.add(progress, verdict === "taken" ? 1 : 2, 1);
  } catch (error) {
    failure = { index, error: String((error as Error).stack ?? error) };
  }
}
parentPort!.postMessage(failure);
