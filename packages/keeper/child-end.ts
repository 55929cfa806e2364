// Runs in: keeper. Owns: the end of one of its children, and of those that it has.
import { childrenOf, processState } from "@ring3/kernel/process/pidfd";

/**
 * A process that is told to stop does so within microseconds, but a clone(2) that it is in comes first, and one with all its namespaces may take a
 * busy machine tenths of a second. What is longer blocked is so by something else, and makes no children.
 */
const STILL_MS = 500;
const still: ReadonlySet<string> = new Set(["stopped", "traced", "zombie", "dead"]);

/**
 * Ends a child whose own child may not be bound to its life yet: bubblewrap's waits for its parent's word before it asks to die with it
 * (--die-with-parent), and if that never comes it sleeps for ever, in a copy of all the mounts there were. Once stopped, a process makes no
 * more of them, and cannot reap: who its children are stays true.
 */
export function endWithChildren(pid: number, signal: (name: "SIGSTOP" | "SIGKILL") => boolean): void {
  if (!signal("SIGSTOP")) return; // it has been reaped
  for (let waited = 0; !still.has(processState(pid)) && waited < STILL_MS; waited++) sleep(1);
  for (const child of childrenOf(pid)) {
    try {
      process.kill(child, "SIGKILL");
    } catch {
      // it has ended
    }
  }
  signal("SIGKILL");
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
