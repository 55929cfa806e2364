// Runs in: reflector. Owns: one descriptor of /dev/uinput, opened by the manager. The kernel as UinputDevice sees it; tests script this interface.
import type { Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { type Watch, watch } from "../poll/watch.ts";

/** Every answer is >= 0 or a negative errno. */
export interface UinputCalls {
  ioctl(request: number, argument: Uint8Array | number): number;
  /** Takes all of it. */
  write(events: Uint8Array): number;
  /** -EAGAIN where there is nothing to be read. */
  read(into: Uint8Array): number;
  /** Calls `run` whenever there is something to be read, until close. */
  watch(run: () => void): void;
  close(): void;
}

/** Takes the descriptor over, which is non-blocking. */
export function uinputCalls(descriptor: Descriptor): UinputCalls {
  const { fd } = descriptor;
  let watching: Watch | undefined;
  return {
    ioctl: (request, argument) => native.ioctl(fd, request, argument),
    write: (events) => native.write(fd, events),
    read: (into) => native.read(fd, into),
    watch(run) {
      watching = watch(fd, { readable: true }, run);
    },
    close() {
      watching?.close();
      descriptor.close();
    },
  };
}
