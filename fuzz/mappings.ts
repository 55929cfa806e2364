// Runs in: fuzzing. Owns: the garbage collector's pace. A mapping goes when its buffers have been collected and the event loop has turned, and a
// process may have 65,530 (vm.max_map_count).
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const INPUTS_BETWEEN = 2000;
let inputs = 0;

export async function collectMappings(): Promise<void> {
  if (++inputs % INPUTS_BETWEEN !== 0) return;
  collect();
  await setImmediate();
}
