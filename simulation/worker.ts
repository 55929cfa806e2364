// Runs in: a worker thread of make simulate and of tests, bundled. Owns: the seeds that it is given, one after the other.
import { parentPort, workerData } from "node:worker_threads";
import { simulate } from "./world.ts";

export interface Order {
  /** The driver's bundle. */
  readonly driver: string;
  /** Of one seed. */
  readonly faults: number;
  /** Says what happens, line by line. */
  readonly traced: boolean;
}

const { driver, faults, traced } = workerData as Order;
if (!traced) Error.stackTraceLimit = 0; // most errors here are everyday outcomes, and nobody reads where they were made
const port = parentPort!;
const trace = traced ? (line: string) => port.postMessage({ line }) : undefined;
port.on("message", async (seed: number) => {
  port.postMessage({ result: await simulate(seed, faults, driver, trace) });
});
