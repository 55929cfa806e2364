// Runs in: every process. Owns: one descriptor's place in the event loop; never the descriptor itself.
import { systemError } from "@ring3/core/errors";
import { native } from "../native.ts";

// kernel/native/poll.c
const READABLE = 1;
const WRITABLE = 2;
const DISCONNECT = 4;

export interface Wanted {
  readable?: boolean;
  writable?: boolean;
  /** The peer will send no more. Level-triggered: stop watching once told. */
  hangup?: boolean;
}

/** What is the case now. The object is reused: read it during the call. */
export interface Ready {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly hangup: boolean;
}

export interface Watch {
  set(events: Wanted): void;
  /** May be called twice, and from within `run`. The descriptor may be closed right after. */
  close(): void;
  /** Does this watch keep the process from ending by itself? It does, unless told otherwise. */
  ref(on: boolean): void;
}

/**
 * Calls `run` whenever `fd` is ready, once a turn of the loop, as long as it lasts. An error condition on the descriptor is reported as all three:
 * the next system call on it tells what is wrong; close the watch then. One watch a descriptor; DeviceError with errno EEXIST for a second.
 */
export function watch(fd: number, events: Wanted, run: (ready: Ready) => void): Watch {
  const ready = { readable: false, writable: false, hangup: false };
  let closed = false;

  const started = native.pollStart(fd, mask(events), (now) => {
    ready.readable = (now & READABLE) !== 0;
    ready.writable = (now & WRITABLE) !== 0;
    ready.hangup = (now & DISCONNECT) !== 0;
    run(ready);
  });
  if (typeof started === "number") throw systemError(`watch descriptor ${fd}`, started);
  const handle = started;

  function checked(result: number): void {
    if (result < 0) throw systemError(`watch descriptor ${fd}`, result);
  }

  return {
    set(next) {
      if (!closed) checked(native.pollSet(handle, mask(next)));
    },
    close() {
      closed = true;
      checked(native.pollStop(handle));
    },
    ref(on) {
      if (!closed) native.pollRef(handle, on);
    },
  };
}

function mask(events: Wanted): number {
  return (
    (events.readable ? READABLE : 0) | (events.writable ? WRITABLE : 0) | (events.hangup ? DISCONNECT : 0)
  );
}
