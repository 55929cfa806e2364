// Runs in: the manager. Owns: the table of what the filter of the jail's stage 0 refuses, and why. Bubblewrap puts it on last, just
// before it starts node: what it needs itself is done by then.
import { type Architecture, assembleFilter, type Rule } from "./seccomp.ts";

// asm-generic/errno-base.h, asm-generic/errno.h
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

const AF_UNIX = 1; // linux/socket.h
// linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. (CLONE_NEWTIME lies in clone's signal byte: unshare only.)
const NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
const CLONE_THREAD = 0x00010000; // linux/sched.h
// asm-generic/ioctls.h
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;

const refuse = (
  why: string,
  errno: number,
  calls: Record<string, [x64: number | undefined, arm64: number | undefined]>,
) => Object.entries(calls).map(([call, [x64, arm64]]) => ({ call, x64, arm64, verdict: { errno }, why }));

export interface Refusal extends Rule {
  readonly why: string;
}

// Numbers: asm/unistd_64.h for x86-64, asm-generic/unistd.h for arm64. All answer EPERM unless said otherwise.
export const stageZero: readonly Refusal[] = [
  ...refuse(
    "io_uring runs system calls that no filter sees; libuv falls back when it is told ENOSYS at its start",
    ENOSYS,
    {
      io_uring_setup: [425, 425],
      io_uring_enter: [426, 426],
      io_uring_register: [427, 427],
    },
  ),
  ...refuse("reads, writes or drives another process, or takes its descriptors", EPERM, {
    ptrace: [101, 117],
    process_vm_readv: [310, 270],
    process_vm_writev: [311, 271],
    process_madvise: [440, 440],
    pidfd_getfd: [438, 438],
    kcmp: [312, 272],
  }),
  ...refuse(
    "new namespaces give a process capabilities, and with them most of the kernel's privileged code",
    EPERM,
    {
      unshare: [272, 97],
      setns: [308, 268],
    },
  ),
  {
    call: "clone",
    x64: 56,
    arm64: 220,
    when: [{ index: 0, is: "any-bit", value: NAMESPACES }],
    verdict: { errno: EPERM },
    why: "as unshare",
  },
  ...refuse(
    "a second process would escape the limits that the first is held to; threads are within them",
    EPERM,
    {
      fork: [57, undefined],
      vfork: [58, undefined],
    },
  ),
  {
    call: "clone",
    x64: 56,
    arm64: 220,
    when: [{ index: 0, is: "no-bit", value: CLONE_THREAD }],
    verdict: { errno: EPERM },
    why: "as fork",
  },
  ...refuse(
    "its flags lie in memory, where a filter cannot look; the C library falls back to clone on ENOSYS",
    ENOSYS,
    {
      clone3: [435, 435],
    },
  ),
  ...refuse("changes what the mount tree shows", EPERM, {
    mount: [165, 40],
    umount2: [166, 39],
    pivot_root: [155, 41],
    chroot: [161, 51],
    open_tree: [428, 428],
    move_mount: [429, 429],
    fsopen: [430, 430],
    fsconfig: [431, 431],
    fsmount: [432, 432],
    fspick: [433, 433],
    mount_setattr: [442, 442],
  }),
  ...refuse("reaches files past the mount tree, or makes device nodes", EPERM, {
    name_to_handle_at: [303, 264],
    open_by_handle_at: [304, 265],
    mknod: [133, undefined],
    mknodat: [259, 33],
    fanotify_init: [300, 262],
    lookup_dcookie: [212, 18],
  }),
  ...refuse("loads code into the kernel or replaces it", EPERM, {
    init_module: [175, 105],
    finit_module: [313, 273],
    delete_module: [176, 106],
    kexec_load: [246, 104],
    kexec_file_load: [320, 294],
    bpf: [321, 280],
  }),
  ...refuse("a large part of the kernel, often attacked, that no driver host has a use for", EPERM, {
    perf_event_open: [298, 241],
    userfaultfd: [323, 282],
    keyctl: [250, 219],
    add_key: [248, 217],
    request_key: [249, 218],
    personality: [135, 92],
    modify_ldt: [154, undefined],
  }),
  ...refuse("administers the whole machine", EPERM, {
    reboot: [169, 142],
    swapon: [167, 224],
    swapoff: [168, 225],
    acct: [163, 89],
    quotactl: [179, 60],
    quotactl_fd: [443, 443],
    syslog: [103, 116],
    settimeofday: [164, 170],
    clock_settime: [227, 112],
    adjtimex: [159, 171],
    clock_adjtime: [305, 266],
    iopl: [172, undefined],
    ioperm: [173, undefined],
    vhangup: [153, 58],
  }),
  ...[
    { call: "socket", x64: 41, arm64: 198 },
    { call: "socketpair", x64: 53, arm64: 199 },
  ].map((call) => ({
    ...call,
    when: [{ index: 0, is: "different", value: AF_UNIX } as const],
    verdict: { errno: EAFNOSUPPORT },
    why: "a network namespace does not confine every family (vsock reaches the hypervisor), and each is code of its own",
  })),
  ...[TIOCSTI, TIOCLINUX].map((request) => ({
    call: "ioctl",
    x64: 16,
    arm64: 29,
    when: [{ index: 1, is: "equal", value: request } as const],
    verdict: { errno: EPERM },
    why: "types into the terminal that ring3 was started from",
  })),
];

/** The bytes for bubblewrap's --seccomp. */
export function stageZeroFilter(architecture: Architecture): Uint8Array {
  return assembleFilter(architecture, stageZero, "allow");
}
