// Runs in: manager. Owns: what the end of a driver host's process says about its driver. Pure.

import { constants } from "node:os";
import type { FailureReason } from "@ring3/core/lifecycle";

export interface Exited {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Signals that come from a person or a supervisor. All others are the driver's own doing. */
const OUTSIDE = new Set(["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"]);

/** SIGABRT stands before its other name, SIGIOT. */
const names = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** `output`: the end of what it wrote, which explains a death of the runtime. Bubblewrap reports a signal as 128 + n. */
export function exitReason({ code, signal }: Exited, output: string): FailureReason {
  const name = signal ?? (code !== null && code > 128 ? names.get(code - 128) : undefined);
  const said = output === "" ? "" : `; it said: ${output}`;
  if (name !== undefined)
    return { kind: "signal", text: `the process was ended by ${name}${said}`, outside: OUTSIDE.has(name) };
  return { kind: "exit", text: `the process ended with code ${code}${said}`, outside: false };
}

/** What the kernel lets a host have. It is above what a driver may hold, which the watchdog looks at and names the better reason. */
export function memoryCeiling(memoryMb: number): number {
  return 2 * memoryMb * 2 ** 20;
}

export function outOfMemory(memoryMb: number): FailureReason {
  const mb = memoryCeiling(memoryMb) / 2 ** 20;
  return { kind: "memory", text: `the kernel ended it: it wanted more than ${mb} MB`, outside: false };
}
