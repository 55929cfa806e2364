// Runs in: the manager. Owns: the tables of what a driver host may ask of the kernel in the jail's stages 1 (a spare) and 2 (a
// driver). The host puts the filters on itself, on all its threads; the one before stays below each.
import { IOC_SIZE_BITS, isOfAnyLength } from "@ring3/core/ioctl";
import { type Architecture, type ArgumentTest, assembleFilter, type Rule } from "./seccomp.ts";
import { stageZero } from "./stage-zero.ts";

export type Tier = "standard" | "strict";

export interface Allowance {
  readonly call: string;
  readonly x64: number;
  readonly arm64: number;
  /** Allowed when the tests of any one of these hold; always, where absent. */
  readonly when?: readonly (readonly ArgumentTest[])[];
  readonly why: string;
}

/** The command's process id inside the jail: process 1 is bubblewrap's own init. */
export const HOST_PID = 2;
/** A process that ends with 128 and more says that a signal ended it. */
const SIGNALLED = 0x80;
// asm-generic/fcntl.h, linux/fcntl.h. No F_SETFL: whoever shares the open file description would feel it. No F_DUPFD: nothing needs it.
const F_GETFD = 1;
const F_GETFL = 3;
const F_GET_SEALS = 1034;
// asm-generic/mman-common.h
const PROT_EXEC = 4;
const MAP_SHARED = 0x01; // set in MAP_SHARED_VALIDATE too
const MAP_ANONYMOUS = 0x20;
// Memory that RLIMIT_DATA does not count, since it is the kernel's kind of stack, and memory that cannot be paged out or is the machine's
// few huge pages (asm-generic/mman.h).
const UNCOUNTED = 0x0100 | 0x2000 | 0x40000; // MAP_GROWSDOWN, MAP_LOCKED, MAP_HUGETLB

const FAULTS = [6, 7, 11]; // SIGABRT, SIGBUS, SIGSEGV: asm-generic/signal.h
const FIONBIO = 0x5421; // asm-generic/ioctls.h

export const allow = (
  why: string,
  calls: Record<string, readonly [x64: number, arm64: number]>,
): Allowance[] => Object.entries(calls).map(([call, [x64, arm64]]) => ({ call, x64, arm64, why }));
export const equal = (index: number, value: number): ArgumentTest => ({ index, is: "equal", value });

const privateMemory: ArgumentTest = { index: 3, is: "no-bit", value: MAP_SHARED | UNCOUNTED };
const ofAFile: ArgumentTest = { index: 3, is: "no-bit", value: MAP_ANONYMOUS | UNCOUNTED };
const notExecutable: ArgumentTest = { index: 2, is: "no-bit", value: PROT_EXEC };
const anonymous: ArgumentTest = { index: 3, is: "any-bit", value: MAP_ANONYMOUS };

const ofItsOwn: ArgumentTest = { index: 0, is: "no-bit", value: SIGNALLED };

// Numbers: asm/unistd_64.h for x86-64, asm-generic/unistd.h for arm64; the tests ask the headers.
/** What every driver host may do; `ioctl` comes on top, by request. `pid`: its own, where it is told its number. */
export function hostCalls(tier: Tier, pid = HOST_PID): readonly Allowance[] {
  return [
    ...allow("the heap, and mapping a channel's memory", {
      munmap: [11, 215],
      mremap: [25, 216],
      madvise: [28, 233],
      brk: [12, 214],
    }),
    {
      call: "mmap",
      x64: 9,
      arm64: 222,
      // The compiler needs executable memory of its own; code out of a file nobody needs. Shared memory that no file stands for would
      // escape every count of what the process holds.
      when: [
        [ofAFile, notExecutable],
        [anonymous, privateMemory, ...(tier === "strict" ? [notExecutable] : [])],
      ],
      why: "as munmap",
    },
    {
      call: "mprotect",
      x64: 10,
      arm64: 226,
      ...(tier === "strict" ? { when: [[notExecutable]] } : {}),
      why: "as munmap; the compiler's code pages",
    },
    ...allow("the runtime's threads wait for each other and look at their own stack's place and scheduling", {
      futex: [202, 98],
      sched_yield: [24, 124],
      sched_getaffinity: [204, 123],
      sched_getparam: [143, 121],
      sched_getscheduler: [145, 120],
      membarrier: [324, 283],
      getpid: [39, 172],
      gettid: [186, 178],
    }),
    ...allow("signals that the process raises by a fault of its own", {
      rt_sigaction: [13, 134],
      rt_sigprocmask: [14, 135],
      rt_sigreturn: [15, 139],
      sigaltstack: [131, 132],
    }),
    {
      call: "tgkill",
      x64: 234,
      arm64: 131,
      when: FAULTS.map((signal) => [equal(0, pid), equal(2, signal)]),
      why: "abort(), and faults that the runtime has looked at; a signal that looks like a person's would hide whose fault it was",
    },
    ...allow("its end", { exit: [60, 93], exit_group: [231, 94] }).map((end) => ({
      ...end,
      when: [[ofItsOwn]],
    })),
    ...allow("the event loop", {
      epoll_pwait: [281, 22],
      epoll_ctl: [233, 21],
      timerfd_settime: [286, 86],
      restart_syscall: [219, 128],
    }),
    ...allow("time and chance", {
      clock_gettime: [228, 113],
      clock_nanosleep: [230, 115],
      getrandom: [318, 278],
    }),
    ...allow("the descriptors that it was given", {
      read: [0, 63],
      write: [1, 64],
      writev: [20, 66],
      pread64: [17, 67],
      close: [3, 57],
      fstat: [5, 80],
    }),
    {
      call: "fcntl",
      x64: 72,
      arm64: 25,
      when: [F_GETFD, F_GETFL, F_GET_SEALS].map((command) => [equal(1, command)]),
      why: "looks at descriptors, changes none",
    },
    ...allow("descriptors come with requests on the control socket; nothing can be sent with sendmsg", {
      recvmsg: [47, 212],
    }),
  ];
}

const IOCTL = { call: "ioctl", x64: 16, arm64: 29 } as const;
/** For itself, process 0: what lies between the stages. */
const PRLIMIT = { call: "prlimit64", x64: 302, arm64: 261, when: [equal(0, 0)] } as const;
const SECCOMP = { call: "seccomp", x64: 317, arm64: 277 } as const;

export function rulesOf(allowances: readonly Allowance[]): Rule[] {
  return allowances.flatMap(({ call, x64, arm64, when = [[]] }) =>
    when.map((tests) => ({ call, x64, arm64, when: tests, verdict: "allow" as const })),
  );
}

/** libuv makes each descriptor that it watches non-blocking; all of them are already, and it is told so. */
export const nonBlocking: Rule = { ...IOCTL, when: [equal(1, FIONBIO)], verdict: { errno: 0 } };
/** What the runtime or the C library tries and goes on without: another errno would end the process. */
export const unimplemented = stageZero.filter(
  ({ verdict }) => typeof verdict === "object" && verdict.errno === 38, // ENOSYS, asm-generic/errno.h
);
export const REFUSED = { errno: 1 }; // EPERM, asm-generic/errno-base.h

export const allowedRequests = (requests: readonly number[]): Rule[] =>
  requests.map((request) => ({ ...IOCTL, when: [isRequest(request)], verdict: "allow" }));

const isRequest = (request: number): ArgumentTest =>
  isOfAnyLength(request) ? { ...equal(1, request), mask: ~IOC_SIZE_BITS >>> 0 } : equal(1, request);

/** Stage 1, for a host without a driver. `requests`: every ioctl request that any driver may be granted. */
export function spareFilter(architecture: Architecture, tier: Tier, requests: readonly number[]): Uint8Array {
  return assembleFilter(
    architecture,
    [
      ...unimplemented,
      ...rulesOf(hostCalls(tier)),
      nonBlocking,
      ...allowedRequests(requests),
      { ...PRLIMIT, verdict: "allow" },
      { ...SECCOMP, verdict: "allow" }, // stage 2
    ],
    REFUSED,
  );
}

/** Stage 2, for one driver. `requests`: the ioctl requests of its grants. */
export function driverFilter(
  architecture: Architecture,
  tier: Tier,
  requests: readonly number[],
): Uint8Array {
  return assembleFilter(
    architecture,
    [...unimplemented, ...rulesOf(hostCalls(tier)), nonBlocking, ...allowedRequests(requests)],
    REFUSED,
  );
}

/** How many system calls a driver's filter lets through in any form, `ioctl` included. */
export function allowedCalls(tier: Tier): readonly string[] {
  return [...hostCalls(tier).map(({ call }) => call), IOCTL.call].toSorted();
}
