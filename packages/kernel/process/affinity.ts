// Runs in: manager. Owns: nothing. Which processors a process's main thread may use, and which it does.
import { systemError } from "@ring3/core/errors";
import { check } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { fieldOf } from "./pidfd.ts";

const ESRCH = 3;
const PROCESSORS_MAX = 1024;

/** This process's own. */
export function ownProcessors(): number[] {
  const numbers = new Int32Array(PROCESSORS_MAX);
  return [...numbers.subarray(0, check(native.affinity(0, numbers), "ask for the processors"))];
}

/** Field 39 of proc_pid_stat(5): the one that it ran on last. */
export function lastProcessor(pid: number): number | undefined {
  const field = fieldOf(pid, 39);
  return field === undefined ? undefined : Number(field);
}

/** One that has ended meanwhile is nothing. */
export function setProcessors(pid: number, processors: readonly number[]): void {
  const result = native.setAffinity(pid, Int32Array.from(processors));
  if (result < 0 && result !== -ESRCH)
    throw systemError(`put process ${pid} on processors ${processors}`, result);
}
