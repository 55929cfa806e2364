// Runs in: tests. Owns: nothing. Looks at who lives, and below whom.
import { readdirSync, readFileSync } from "node:fs";

/** undefined where the process has ended. */
function read(pid: string, what: "stat" | "cmdline"): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${what}`, "latin1");
  } catch {
    return undefined;
  }
}

/** The same. proc_pid_stat(5) */
function parentOf(pid: string): number | undefined {
  const stat = read(pid, "stat") ?? ") Z";
  const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" ? undefined : Number(parent);
}

/** Everything below a process, wherever its parents have gone meanwhile. */
export function descendants(root: number): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => [Number(pid), parentOf(pid)] as const);
  const found = new Set([root]);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const [pid, parent] of parents) if (parent !== undefined && found.has(parent)) found.add(pid);
  }
  found.delete(root);
  return [...found];
}

/** The keeper's manager, however young. */
export function managerBelow(keeper: number): number | undefined {
  return descendants(keeper).find((pid) => read(`${pid}`, "cmdline")?.includes("manager.cjs"));
}

/** Processes that name the state directory, or are among `pids`. */
export function left(directory: string, pids: readonly number[]): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || parentOf(pid) === undefined) return false;
    return pids.includes(Number(pid)) || read(pid, "cmdline")?.includes(directory) === true;
  });
}
