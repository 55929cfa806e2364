// Runs in: reflector. Owns: the table of what a reflector may ask of the kernel once it has its connection to the manager: it serves
// strangers, and needs no path, no new socket, no process and no device for that.
import { readFileSync } from "node:fs";
import { check } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { reflectorRequests } from "../uinput/constants.ts";
import { type Architecture, assembleFilter, type Rule } from "./seccomp.ts";
import {
  type Allowance,
  allow,
  allowedRequests,
  equal,
  hostCalls,
  nonBlocking,
  REFUSED,
  rulesOf,
  unimplemented,
} from "./stage-driver.ts";

// asm-generic/fcntl.h, linux/fcntl.h
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const F_ADD_SEALS = 1033;

/** Beyond what a driver host may: of a process with a client end that serves strangers. */
export const strangersCalls: readonly Allowance[] = [
  ...allow("applications on the sockets that the manager made", {
    accept4: [288, 242],
    getsockopt: [55, 209],
    shutdown: [48, 210],
  }),
  ...allow("a channel's memory, made here and sent to the manager", {
    memfd_create: [319, 279],
    ftruncate: [77, 46],
    sendmsg: [46, 211],
  }),
  {
    call: "fcntl",
    x64: 72,
    arm64: 25,
    when: [F_DUPFD_CLOEXEC, F_ADD_SEALS].map((command) => [equal(1, command)]),
    why: "as memfd_create",
  },
];

/**
 * At its end Node puts back the flags of descriptors 0 to 2, where another process that shares them has changed O_NONBLOCK, and aborts if it
 * may not (node.cc, ResetStdio). They are the keeper's and the manager's too, who are still using them: told that it was done, it leaves them be.
 */
export const sharedFlags: Rule = {
  call: "fcntl",
  x64: 72,
  arm64: 25,
  when: [equal(1, F_SETFL)],
  verdict: { errno: 0 },
};

/** `ring`: its descriptor, which takes no other operation than commands to devices. */
const ublk = (ring: number): readonly Allowance[] => [
  ...allow("the bytes of what is read from a ublk disk", { pwrite64: [18, 68] }),
  {
    call: "io_uring_enter",
    x64: 426,
    arm64: 426,
    when: [[equal(0, ring)]],
    why: "ublk's requests and their answers",
  },
];

/** What a reflector has beside the sockets of its class. */
export interface ReflectorGrant {
  /** The ioctl requests that the driver is granted which runs inline, if one does. */
  readonly requests?: readonly number[];
  /** Where it serves ublk disks: the descriptor of its ring. */
  readonly ring?: number | undefined;
  /** It has input devices, on descriptors of /dev/uinput that the manager has opened. */
  readonly uinput?: boolean;
}

export function reflectorFilter(
  architecture: Architecture,
  pid: number,
  { requests = [], ring, uinput = false }: ReflectorGrant = {},
): Uint8Array {
  const calls = [...hostCalls("standard", pid), ...strangersCalls];
  const served = ring === undefined ? [] : rulesOf(ublk(ring)); // first: to all other rings the answer is that there is no such call
  const granted = uinput ? [...requests, ...Object.values(reflectorRequests)] : requests;
  return assembleFilter(
    architecture,
    [...served, ...unimplemented, ...rulesOf(calls), nonBlocking, sharedFlags, ...allowedRequests(granted)],
    REFUSED,
  );
}

/**
 * For good. False, and nothing done, where the keeper could put no filter on: the event loop may then have a ring of io_uring, which it cannot
 * be told to do without.
 */
export function confineReflector(architecture: Architecture, grant: ReflectorGrant): boolean {
  if (!/^Seccomp:\s*2$/m.test(readFileSync("/proc/self/status", "latin1"))) return false;
  if (process.getuid!() === 0) check(native.keepCapabilities(0, 0), "give up all capabilities");
  check(
    native.seccomp(reflectorFilter(architecture, process.pid, grant), true),
    "put on the reflector's filter",
  );
  return true;
}
