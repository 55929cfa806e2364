// Runs in: fuzzing. Owns: the garbage collector's pace. A mapping goes when its buffers are collected, and a process may have 65,530.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const INPUTS_BETWEEN = 2000;
let inputs = 0;

export function collectMappings(): void {
  if (++inputs % INPUTS_BETWEEN === 0) collect();
}
