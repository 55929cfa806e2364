// Runs in: keeper and manager. Owns: pidfds. Looks at other processes through /proc.
import { constants, readdirSync, readFileSync } from "node:fs";
import { DeviceError } from "@ring3/core/errors";
import { check, Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { watch } from "../poll/watch.ts";

const ESRCH = 3; // asm-generic/errno-base.h
const PIDFD_THREAD = constants.O_EXCL; // linux/pidfd.h

export interface Pidfd {
  /** For who is to hold it too. */
  readonly fd: number;
  /** Resolves when the process has ended, reaped or not. Rejects with DeviceError("cancelled") if closed before. */
  readonly exited: Promise<void>;
  /** false where it has ended already. */
  signal(signal: number): boolean;
  close(): void;
}

/** DeviceError where no such process exists. The pid must be a child's, or otherwise known not to have been recycled. */
export function openPidfd(pid: number): Pidfd {
  return pidfdOf(new Descriptor(check(native.pidfdOpen(pid, 0), `open a pidfd of process ${pid}`)), pid);
}

/**
 * Of one of its threads that is not the first. Where none ends before the process does, it tells of that end the sooner, by the milliseconds
 * that the kernel takes to free the memory (do_exit, kernel/exit.c). undefined where there is none, or from before Linux 6.9.
 */
export function openThread(pid: number): Pidfd | undefined {
  const thread = threadsOf(pid).find((id) => id !== pid);
  const fd = thread === undefined ? -ESRCH : native.pidfdOpen(thread, PIDFD_THREAD);
  if (fd < 0) return undefined;
  const opened = pidfdOf(new Descriptor(fd), pid);
  if (threadsOf(pid).includes(thread!)) return opened;
  opened.close(); // ended meanwhile, and its number may be another's
  return undefined;
}

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return []; // the process has ended
  }
}

/** Of a pidfd that somebody else has opened. Owns it from now on; `pid` is for messages alone. */
export function pidfdOf(fd: Descriptor, pid: number): Pidfd {
  const { promise: exited, resolve, reject } = Promise.withResolvers<void>();
  exited.catch(() => {}); // nobody has to wait
  const watched = watch(fd.fd, { readable: true }, () => {
    watched.close();
    resolve();
  });
  return {
    get fd() {
      return fd.fd;
    },
    exited,
    signal(signal) {
      const result = native.pidfdSendSignal(fd.fd, signal);
      if (result === -ESRCH) return false;
      check(result, `send signal ${signal} to process ${pid}`);
      return true;
    },
    close() {
      watched.close();
      fd.close();
      reject(new DeviceError("cancelled", `wait for the end of process ${pid}`));
    },
  };
}

const PAGE_BYTES = 4096; // on both architectures that there are filters for
const TICKS_PER_SECOND = 100; // USER_HZ, asm-generic/param.h

// Third field of /proc/PID/stat, proc_pid_stat(5)
const states = {
  R: "running",
  S: "sleeping",
  D: "blocked",
  T: "stopped",
  t: "traced",
  Z: "zombie",
  X: "dead",
  I: "idle",
} as const;

/** `blocked` is uninterruptible sleep (D): not even SIGKILL ends it. `dead` is also what has no entry in /proc. */
export type ProcessState = (typeof states)[keyof typeof states];

export function processState(pid: number, proc = "/proc"): ProcessState {
  return statOf(proc, pid)?.state ?? "dead";
}

/** Whether a debugger has attached itself to it: TracerPid, proc_pid_status(5). */
export function traced(pid: number, proc = "/proc"): boolean {
  return /^TracerPid:\s*[1-9]/m.test(read(`${proc}/${pid}/status`) ?? "");
}

/**
 * Memory that nobody else has mapped, and the page tables of all it has; what is shared with clients is theirs. statm: resident minus
 * shared pages, proc_pid_statm(5). VmPTE: a process that reads where nothing is fills tables alone.
 */
export function privateBytes(pid: number, proc = "/proc"): number {
  const [, resident = 0, shared = 0] = (read(`${proc}/${pid}/statm`) ?? "").split(" ").map(Number);
  return (resident - shared) * PAGE_BYTES + statusBytes(pid, "VmPTE", proc);
}

/** In user and kernel mode together, fields 14 and 15 of proc_pid_stat(5). */
export function cpuMs(pid: number, proc = "/proc"): number {
  const fields = fieldsOf(proc, pid);
  return ((Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)) * 1000) / TICKS_PER_SECOND;
}

/** Writable private memory, resident or not, by which RLIMIT_DATA counts (VmData, proc_pid_status(5)). */
export function dataBytes(pid: number, proc = "/proc"): number {
  return statusBytes(pid, "VmData", proc);
}

/** A field that is in kB, proc_pid_status(5); 0 where there is no such process. */
function statusBytes(pid: number, field: "VmData" | "VmPTE", proc: string): number {
  const status = read(`${proc}/${pid}/status`) ?? "";
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
}

/** Direct children, in no order. Reads all of /proc where the kernel keeps no list of them (CONFIG_PROC_CHILDREN). */
export function childrenOf(pid: number, proc = "/proc"): number[] {
  try {
    return readdirSync(`${proc}/${pid}/task`).flatMap((thread) =>
      readFileSync(`${proc}/${pid}/task/${thread}/children`, "latin1").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return readdirSync(proc)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((other) => statOf(proc, other)?.parent === pid);
  }
}

function statOf(proc: string, pid: number): { state: ProcessState | undefined; parent: number } | undefined {
  const fields = fieldsOf(proc, pid);
  return fields && { state: states[fields[0] as keyof typeof states], parent: Number(fields[1]) };
}

/** By its number in proc_pid_stat(5), from 3 on; undefined where there is no such process. */
export function fieldOf(pid: number, number: number, proc = "/proc"): string | undefined {
  return fieldsOf(proc, pid)?.[number - 3];
}

/** From the third field of /proc/PID/stat on. */
function fieldsOf(proc: string, pid: number): string[] | undefined {
  const text = read(`${proc}/${pid}/stat`);
  // The name before is the process's own choice and may hold anything, brackets included: the last one ends it.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

const READ_BYTES = 4096;

/** undefined where the process has just ended. */
function read(file: string): string | undefined {
  const fd = native.open(file, constants.O_RDONLY, 0);
  if (fd < 0) return undefined;
  const chunk = new Uint8Array(READ_BYTES);
  let text = "";
  let length = native.read(fd, chunk);
  for (; length > 0; length = native.read(fd, chunk))
    text += Buffer.from(chunk.buffer, 0, length).toString("latin1");
  native.close(fd);
  return length < 0 ? undefined : text;
}
