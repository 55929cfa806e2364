// Runs in: the simulation. Owns: open files of a simulated kernel: who refers to them, and who waits for them.
import type { Process } from "./process.ts";
import type { Happening } from "./schedule.ts";

// kernel/native/poll.c
export const READABLE = 1;
export const WRITABLE = 2;
export const DISCONNECT = 4;

/** One process's wait for one descriptor. */
export interface Watched {
  readonly file: OpenFile;
  readonly fd: number;
  readonly process: Process;
  readonly run: (status: number, events: number) => void;
  events: number;
  pending: Happening | undefined;
  off: boolean;
}

export abstract class OpenFile {
  abstract readonly kind: string;
  /** Descriptors, and messages on their way that carry one. */
  references = 0;
  readonly watches = new Set<Watched>();
  wake: (watch: Watched) => void = () => {};

  /** What is the case now. */
  abstract ready(): number;

  /** A process has it from now on. */
  given(_process: Process): void {}

  /** The last reference is gone. */
  released(): void {}

  changed(): void {
    for (const watch of this.watches) if ((this.ready() & watch.events) !== 0) this.wake(watch);
  }
}

export class NullDevice extends OpenFile {
  readonly kind = "null";
  ready(): number {
    return READABLE | WRITABLE;
  }
}

/** A file below /proc, as it was when it was opened. */
export class TextFile extends OpenFile {
  readonly kind = "text";
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(text: string) {
    super();
    this.#bytes = Buffer.from(text, "latin1");
  }

  ready(): number {
    return READABLE;
  }

  read(into: Uint8Array): number {
    const length = Math.min(into.length, this.#bytes.length - this.#at);
    into.set(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return length;
  }
}

/** Readable once its process has ended. */
export class ProcessFile extends OpenFile {
  readonly kind = "pidfd";
  readonly process: Process;

  constructor(process: Process) {
    super();
    this.process = process;
  }

  ready(): number {
    return this.process.alive ? 0 : READABLE;
  }
}
