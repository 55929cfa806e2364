// Runs in: manager. Owns: nothing; how a connection of a stream socket is ended that other processes have open too (unix(7), shutdown(2)).
import type { Clock } from "@ring3/core/clock";
import { native } from "../native.ts";

// native.shutdown
const WRITING = 1;
const BOTH = 2;
const EAGAIN = 11; // asm-generic/errno-base.h
const LOOK_MS = 20;
const WASTE_BYTES = 65_536;

/** For both ends, at once. */
export function hangUp(fd: number): void {
  native.shutdown(fd, BOTH); // ENOTCONN: it has ended already
}

/** The peer finds the end of the stream there. Resolves with true once it has hung up for its part; what it still sends until then is read away. */
export async function hungUp(fd: number, withinMs: number, clock: Clock): Promise<boolean> {
  native.shutdown(fd, WRITING);
  const waste = new Uint8Array(WASTE_BYTES);
  for (const end = clock.now() + withinMs; ; ) {
    let length: number;
    do length = native.read(fd, waste);
    while (length > 0);
    if (length !== -EAGAIN) return true;
    if (clock.now() > end) return false;
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  }
}
