// Runs in: every process. Owns: file descriptors, each closed exactly once.
import { constants } from "node:fs";
import { DeviceError, systemError } from "@ring3/core/errors";
import { native } from "../native.ts";

const CLOSED = -1; // no system call takes it for an open file: EBADF
const EAGAIN = 11; // asm-generic/errno-base.h
const LOCK_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/** Passes a result >= 0 through and throws a negative errno as DeviceError. */
export function check(result: number, what: string): number {
  if (result < 0) throw systemError(what, result);
  return result;
}

export class Descriptor {
  #fd: number;

  /** Owns `fd` from now on. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** -1 once closed or taken. */
  get fd(): number {
    return this.#fd;
  }

  close(): void {
    if (this.#fd !== CLOSED) native.close(this.take());
  }

  /** Hands the number over to a new owner. */
  take(): number {
    const fd = this.#fd;
    this.#fd = CLOSED;
    return fd;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Both ends non-blocking and close-on-exec. */
export function pipe(): { read: Descriptor; write: Descriptor } {
  const ends = new Int32Array(2);
  check(native.pipe(ends), "create a pipe");
  return { read: new Descriptor(ends[0]!), write: new Descriptor(ends[1]!) };
}

/** A pipe's write end that is also open for reading, so that who writes there never finds that nobody reads: writes beyond its room wait. */
export function unbroken(write: number): Descriptor {
  const flags = constants.O_RDWR; // close-on-exec, as all that is opened here
  return new Descriptor(
    check(native.open(`/proc/self/fd/${write}`, flags, 0), "open a pipe's end for reading too"),
  );
}

export function duplicate(fd: number): Descriptor {
  return new Descriptor(check(native.dup(fd), `duplicate descriptor ${fd}`));
}

/** Nothing can be read from it, and what is written to it is gone. */
export function nullDevice(): Descriptor {
  return new Descriptor(check(native.open("/dev/null", constants.O_RDWR, 0), "open /dev/null"));
}

/** What this process inherited beside its standard descriptors does not go on to its children. */
export function keepInherited(): void {
  check(native.closeOnExec(3), "keep inherited descriptors from children");
}

/** Creates the file where it is missing and locks it until the descriptor is closed. DeviceError("busy") while another holds it. */
export function lockFile(path: string): Descriptor {
  const file = new Descriptor(check(native.open(path, LOCK_FLAGS, 0o600), `open ${path}`));
  const result = native.flock(file.fd);
  if (result >= 0) return file;
  file.close();
  throw result === -EAGAIN
    ? new DeviceError("busy", `lock ${path}`, { errno: EAGAIN })
    : systemError(`lock ${path}`, result);
}
