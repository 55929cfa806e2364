// Runs in: keeper, before it starts anything. Owns: what ring3's own processes, and all below them, never need.
import { statSync } from "node:fs";
import { DeviceError } from "@ring3/core/errors";
import { check } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { RING_ENTRIES } from "../uring/ring.ts";
import { findBwrap } from "./files.ts";
import { type Architecture, assembleFilter, type Rule } from "./seccomp.ts";
import { stageZero } from "./stage-zero.ts";

/** linux/capability.h. What manager and bubblewrap need, and the keeper to start and end them. */
const kept = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1, // device nodes, /proc of others
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7, // a user id a host
  CAP_SETPCAP: 8,
  CAP_NET_ADMIN: 12, // uevents, the kernel's NBD client
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19, // /proc/PID/fd: who has a disk open
  CAP_SYS_ADMIN: 21, // bubblewrap's mounts
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
} as const;

/** Refused to all of them; stage zero of the jail says why. What bubblewrap or the manager use is not among them. */
const never = [
  "io_uring_setup", // but ring3's own: the keeper's event loop has its ring by then; those that start later do without
  ...["ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"],
  ...["init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf"],
  ...["perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key"],
  ...["open_by_handle_at", "fanotify_init", "lookup_dcookie"],
  ...[
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "quotactl_fd",
    "syslog",
    "iopl",
    "ioperm",
    "vhangup",
  ],
  ...["settimeofday", "clock_settime", "adjtimex", "clock_adjtime"],
];

/** ublk's (kernel/uring): told from the event loop's by its size. Driver hosts have a filter of their own, which lets none through. */
const ownRings: Rule = {
  call: "io_uring_setup",
  x64: 425,
  arm64: 425,
  when: [{ index: 0, is: "equal", value: RING_ENTRIES }],
  verdict: "allow",
};

/** The filter for keeper, manager and all that they start; everything else passes. */
export function supervisorFilter(architecture: Architecture): Uint8Array {
  const rules = stageZero.filter(({ call }) => never.includes(call));
  return assembleFilter(architecture, [ownRings, ...rules], "allow");
}

/** For good, for this process and all below it. */
export function confineSupervisors(architecture: Architecture, root: boolean): void {
  const filter = supervisorFilter(architecture);
  if (!root) {
    // Without a privilege of its own it takes no_new_privs to have a filter, and a bubblewrap that is set-uid would then have none either.
    if (!isSetUid(bwrapPath())) check(native.seccomp(filter, true), "put on the supervisors' filter");
    return;
  }
  check(native.seccomp(filter, false), "put on the supervisors' filter");
  const masks = [0, 0];
  for (const capability of Object.values(kept)) masks[capability >> 5]! |= 1 << (capability & 31);
  check(native.keepCapabilities(masks[0]! >>> 0, masks[1]! >>> 0), "give up capabilities");
}

/**
 * A service manager may have given a keeper that is not root capabilities for its manager. While it starts one they are lent to whom it starts; else
 * neither the keeper nor anybody else has a use for them, and bubblewrap refuses to run with any. What stays permitted to the keeper is for the next
 * manager, in effect for nobody.
 */
export function lendManagersCapabilities(root: boolean, on: boolean): void {
  if (!root) check(native.lendCapabilities(on), `${on ? "lend" : "take back"} the manager's capabilities`);
}

function bwrapPath(): string | undefined {
  try {
    return findBwrap();
  } catch (error) {
    if (error instanceof DeviceError) return undefined; // the manager says so when a driver is to be started
    throw error;
  }
}

function isSetUid(path: string | undefined): boolean {
  return path !== undefined && (statSync(path).mode & 0o4000) !== 0;
}
