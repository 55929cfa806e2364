// Runs in: console. Owns: the table of what a console may ask of the kernel once it has its files, its socket and its connections: it serves
// browsers, whom anybody may be, and needs no path, no new socket and no process for that.
import { check } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { type Architecture, assembleFilter } from "./seccomp.ts";
import {
  type Allowance,
  equal,
  hostCalls,
  nonBlocking,
  REFUSED,
  rulesOf,
  unimplemented,
} from "./stage-driver.ts";
import { sharedFlags, strangersCalls } from "./stage-reflector.ts";

const IPPROTO_TCP = 6; // linux/in.h
const TCP_NODELAY = 1; // linux/tcp.h

const more: readonly Allowance[] = [
  {
    call: "setsockopt",
    x64: 54,
    arm64: 208,
    when: [[equal(1, IPPROTO_TCP), equal(2, TCP_NODELAY)]],
    why: "answers go out at once",
  },
];

export function consoleFilter(architecture: Architecture, pid: number): Uint8Array {
  const calls = [...hostCalls("standard", pid), ...strangersCalls, ...more];
  return assembleFilter(
    architecture,
    [...unimplemented, ...rulesOf(calls), nonBlocking, sharedFlags],
    REFUSED,
  );
}

/** For good. Who has started it must have put on the supervisors' filter: its event loop has no ring of io_uring then. */
export function confineConsole(architecture: Architecture): void {
  if (process.getuid!() === 0) check(native.keepCapabilities(0, 0), "give up all capabilities");
  check(native.seccomp(consoleFilter(architecture, process.pid), true), "put on the console's filter");
}
