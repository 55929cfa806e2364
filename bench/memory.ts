// Runs in: benchmarks. Owns: nothing. What a process holds for itself alone.
import { readFileSync } from "node:fs";

/** Private_Clean and Private_Dirty, proc_pid_smaps(5). */
export function privateMb(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1").matchAll(
    /^Private_(?:Clean|Dirty): *(\d+) kB/gm,
  );
  return [...fields].reduce((sum, [, kb]) => sum + Number(kb), 0) / 1024;
}
