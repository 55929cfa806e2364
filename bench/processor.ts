// Runs in: benchmarks. Owns: nothing. Looks at the machine through /proc: whose time its processors have spent, and what it is.
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";

/** Of all processors, in ticks since the machine was started. */
export interface Ticks {
  readonly all: number;
  readonly stolen: number;
}

/**
 * Of /proc/stat, proc_stat(5): the line "cpu", or those of the processors that are named ("0,1"). Each: user nice system idle iowait irq softirq steal,
 * and guests, who are counted in user and nice.
 */
export function ticksIn(stat: string, pinned: string | null): Ticks {
  const names = pinned === null ? ["cpu"] : pinned.split(",").map((number) => `cpu${number}`);
  const lines = stat
    .split("\n")
    .map((line) => line.split(/ +/))
    .filter(([name]) => names.includes(name!))
    .map((fields) => fields.slice(1, 9).map(Number));
  const all = lines.flat().reduce((sum, field) => sum + field, 0);
  return { all, stolen: lines.reduce((sum, fields) => sum + fields[7]!, 0) };
}

export const ticks = (pinned: string | null): Ticks => ticksIn(readFileSync("/proc/stat", "latin1"), pinned);

/** 0 to 1. */
export function stealBetween(before: Ticks, after: Ticks): number {
  const all = after.all - before.all;
  return all === 0 ? 0 : (after.stolen - before.stolen) / all;
}

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly date: string;
}

export function machine(): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    processors: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}
