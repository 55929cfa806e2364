// Runs in: lab guest, in tests. Owns: what the kernel counts of itself while something is done: events by task, and calls of its functions.
// Tracing changes the kernel's code, so it is for a machine with one processor (steady.ts says what QEMU makes of it elsewhere).
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { run } from "./program.ts";

const TRACING = "/sys/kernel/tracing";
// Documentation/trace/histogram.rst
const BY_TASK = "hist:keys=common_pid";
const HITS = /^\{ common_pid: +(\d+) \} hitcount: +(\d+)$/gm;
const UNFILTERED = "#### all functions enabled ####"; // kernel/trace/ftrace.c, t_show

export async function mountTracing(): Promise<void> {
  if (availableParallelism() !== 1) throw new Error("tracing is for a machine with one processor");
  await run("mount", "-t", "tracefs", "tracefs", TRACING);
}

/** Whose tasks: a process's, by its id, or the kernel's own threads. */
export type Owner = number | "kernel";

/** How often each owner's tasks have met an event (`raw_syscalls/sys_enter`) while `use` ran. */
export function metBy(event: string, use: () => void): Map<Owner, number> {
  const folder = `${TRACING}/events/${event}`;
  const [trigger, hist] = [openSync(`${folder}/trigger`, "w"), openSync(`${folder}/hist`, "r")];
  writeSync(trigger, BY_TASK);
  try {
    use();
    const met = new Map<Owner, number>();
    for (const [, task, hits] of readFileSync(hist, "latin1").matchAll(HITS)) {
      const owner = ownerOf(task!);
      if (owner !== undefined) met.set(owner, (met.get(owner) ?? 0) + Number(hits));
    }
    return met;
  } finally {
    writeSync(trigger, `!${BY_TASK}`);
    closeSync(trigger);
    closeSync(hist);
  }
}

/** undefined: the idle task, one that has ended, or one in which V8 tidies up after the test itself. */
function ownerOf(task: string): Owner | undefined {
  try {
    const status = readFileSync(`/proc/${task}/status`, "latin1"); // proc_pid_status(5)
    if (/^Kthread:\t1$/m.test(status)) return "kernel";
    const owner = Number(/^Tgid:\t(\d+)$/m.exec(status)![1]);
    return owner === process.pid && Number(task) !== owner ? undefined : owner;
  } catch (error) {
    if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code!)) throw error;
    return undefined;
  }
}

/** Counts calls of the kernel's functions, by groups of them, each in a tracing instance of its own. */
export class Functions implements Disposable {
  readonly #groups: readonly string[];

  /** Of each group what `set_ftrace_filter` takes (`*:mod:usbcore`); null: all that can be traced. */
  constructor(filters: Readonly<Record<string, string | null>>) {
    this.#groups = Object.keys(filters);
    for (const [group, filter] of Object.entries(filters)) {
      const folder = folderOf(group);
      mkdirSync(folder);
      writeFileSync(`${folder}/tracing_on`, "0");
      if (filter !== null) {
        writeFileSync(`${folder}/set_ftrace_filter`, filter);
        // A module that is not loaded has no functions, and without any the filter is none.
        if (readFileSync(`${folder}/set_ftrace_filter`, "latin1").startsWith(UNFILTERED))
          throw new Error(`this kernel has no function ${filter}`);
      }
      writeFileSync(`${folder}/current_tracer`, "function");
    }
  }

  entered(use: () => void): Map<string, number> {
    for (const group of this.#groups) writeFileSync(`${folderOf(group)}/trace`, "");
    for (const group of this.#groups) writeFileSync(`${folderOf(group)}/tracing_on`, "1");
    use();
    for (const group of this.#groups) writeFileSync(`${folderOf(group)}/tracing_on`, "0");
    return new Map(this.#groups.map((group) => [group, recorded(group)]));
  }

  [Symbol.dispose](): void {
    for (const group of this.#groups) {
      writeFileSync(`${folderOf(group)}/current_tracer`, "nop");
      rmdirSync(folderOf(group));
    }
  }
}

const folderOf = (group: string) => `${TRACING}/instances/${group}`;

/** All that was ever written: what the ring still has, and what was overwritten in it (kernel/trace/trace.c, tracing_stats_read). */
function recorded(group: string): number {
  const folder = `${folderOf(group)}/per_cpu`;
  const counts = readdirSync(folder).flatMap((cpu) => {
    const stats = readFileSync(`${folder}/${cpu}/stats`, "latin1");
    return Array.from(stats.matchAll(/^(?:entries|overrun): (\d+)$/gm), ([, count]) => Number(count));
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
