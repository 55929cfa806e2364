// Runs in: manager. Owns: the end of jails that were being made when their maker died.
import { readdirSync, readFileSync } from "node:fs";
import { inside } from "@ring3/kernel/jail/files";
import { childrenOf, openPidfd } from "@ring3/kernel/process/pidfd";

const SIGKILL = 9;

/**
 * Bubblewrap's child waits for its parent's word before it asks to die with it; where that never comes it sleeps for ever, in a copy of all the
 * mounts there were. It is known by what it is: the first process of a namespace, still bubblewrap, for a driver host, without a child of its own, and no child of bubblewrap's.
 * Nobody can use it.
 */
export function endForsakenJails(): void {
  for (const pid of readdirSync("/proc").map(Number).filter(isForsaken)) {
    try {
      const process = openPidfd(pid);
      if (isForsaken(pid)) process.signal(SIGKILL); // until it was opened, the pid may have become another's
      process.close();
    } catch {
      // it has ended, or is not this user's
    }
  }
}

function isForsaken(pid: number): boolean {
  if (!Number.isInteger(pid)) return false;
  const status = read(`/proc/${pid}/status`);
  const [, name] = /^Name:\t(.*)$/m.exec(status) ?? [];
  const [, parent] = /^PPid:\t(\d+)$/m.exec(status) ?? [];
  const isFirst = /^NSpid:(?:\t\d+)+\t1$/m.test(status); // proc_pid_status(5); the outer one is none
  if (name !== "bwrap" || !isFirst || isForHost(Number(parent))) return false;
  return isForHost(pid) && childrenOf(pid).length === 0;
}

const isForHost = (pid: number): boolean => read(`/proc/${pid}/cmdline`).split("\0").includes(inside.host);

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // ended meanwhile
  }
}
