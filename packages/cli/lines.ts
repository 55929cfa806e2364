// Runs in: CLI. Owns: nothing. Text streams as lines, and the end of a child process.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** Calls `line` for each; the stream stays readable to its end. */
export function onLine(stream: Readable, line: (text: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", line);
}

/** Resolves with "exit code 3" or "SIGKILL" once the process has ended and its output was read. */
export async function ended(child: ChildProcess): Promise<string> {
  if (child.exitCode === null && child.signalCode === null) {
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    return signal ?? `exit code ${code}`;
  }
  return child.signalCode ?? `exit code ${child.exitCode}`;
}

/** Resolves with the first of the signals that ask a program to end. */
export function askedToEnd(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => resolve(signal));
  });
}
