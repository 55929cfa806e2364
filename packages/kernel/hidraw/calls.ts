// Runs in: driver host, manager. Owns: one descriptor of a hidraw node. The kernel as the transport sees it; tests script this interface.
import type { Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { type Watch, watch } from "../poll/watch.ts";

/** Every answer is >= 0 or a negative errno. */
export interface HidrawCalls {
  ioctl(request: number, argument: Uint8Array | number): number;
  /** Takes all of it. */
  write(report: Uint8Array): number;
  /** One report; -EAGAIN where there is none. */
  read(into: Uint8Array): number;
  /** Calls `run` whenever a report can be read or the device is away (hidraw_poll), until close. */
  watch(run: () => void): void;
  /** Reports are not to be told any more, or again; only that the device is away. */
  heed(reports: boolean): void;
  close(): void;
}

/** Takes the descriptor over, which is non-blocking. */
export function hidrawCalls(descriptor: Descriptor): HidrawCalls {
  const { fd } = descriptor;
  let watching: Watch | undefined;
  return {
    ioctl: (request, argument) => native.ioctl(fd, request, argument),
    write: (report) => native.write(fd, report),
    read: (into) => native.read(fd, into),
    watch(run) {
      watching = watch(fd, { hangup: true }, run);
    },
    heed: (reports) => watching?.set(reports ? { readable: true, hangup: true } : { hangup: true }),
    close() {
      watching?.close();
      descriptor.close();
    },
  };
}
