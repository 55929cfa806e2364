// Runs in: the simulation. Owns: what a simulated kernel knows of one process.

import type { Watched } from "./file.ts";
import type { Memory } from "./memory.ts";
import type { Happening } from "./schedule.ts";

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What the kernel lets a process do: all, nothing until it is continued, or nothing for ever (an endless loop). */
export type Liveness = "running" | "stopped" | "hung" | "dead";

export class Process {
  readonly pid: number;
  readonly name: string;
  liveness: Liveness = "running";
  /** It waits in the kernel: a signal to end it has to wait too. */
  blocked = false;
  killed = false;
  /** What was to happen while it could not run. */
  readonly held: Happening[] = [];
  readonly descriptors = new Set<number>();
  readonly watches = new Set<Watched>();
  /** Shared memory that it has mapped writable. */
  readonly writes = new Set<Memory>();
  /** It ends at the so-manieth system call from now; 0: it does not. */
  callsLeft = 0;
  /** Of its own memory, in bytes. */
  privateBytes = 0;
  traced = false;
  /** Its memory was garbled, or it was made to throw: if it ends by what nobody caught, that is no mistake of ring3's. */
  faulted = false;
  /** Nobody awaits what was thrown. Returns false where that is the end of it. */
  uncaught: (error: unknown) => boolean = () => false;
  /** It ends itself. */
  exiting: (code: number) => void = () => {};
  /** SIGUSR2. */
  interrupted: () => void = () => {};
  /** Whoever started it has reaped it. */
  reaped: (exit: Exit) => void = () => {};
  /** It ends, and has its descriptors for the last time. */
  dying: (exit: Exit) => void = () => {};
  readonly ended: (() => void)[] = [];

  constructor(pid: number, name: string) {
    this.pid = pid;
    this.name = name;
  }

  get alive(): boolean {
    return this.liveness !== "dead";
  }
}
