// Runs in: benchmarks. Owns: nothing. The peer of whatever starts a process.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** An empty Node's whole life, in milliseconds. */
export async function emptyNodeMs(): Promise<number> {
  const started = performance.now();
  await once(spawn(process.execPath, ["-e", "0"]), "exit");
  return performance.now() - started;
}
