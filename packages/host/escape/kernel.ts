// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. Parts of the kernel that no driver needs. Arguments
// are such that a call which gets through does no harm.
import { type Argument, type Group, refused } from "./probe.ts";

// linux/sched.h
const CLONE_NEWNS = 0x00020000;
const CLONE_NEWCGROUP = 0x02000000;
const CLONE_NEWUTS = 0x04000000;
const CLONE_NEWIPC = 0x08000000;
const CLONE_NEWUSER = 0x10000000;
const CLONE_NEWPID = 0x20000000;
const CLONE_NEWNET = 0x40000000;
const CLONE_NEWTIME = 0x80;
const AT_FDCWD = -100; // linux/fcntl.h
const NOTHING = -1; // no descriptor at all
const memory = new Uint8Array(4096);

const spaces = {
  mount: CLONE_NEWNS,
  cgroup: CLONE_NEWCGROUP,
  uts: CLONE_NEWUTS,
  ipc: CLONE_NEWIPC,
  user: CLONE_NEWUSER,
  pid: CLONE_NEWPID,
  net: CLONE_NEWNET,
  time: CLONE_NEWTIME,
};

const calls: Readonly<Record<string, readonly Argument[]>> = {
  "clone with a user namespace": [CLONE_NEWUSER | 17, 0, 0, 0, 0],
  setns: [NOTHING, 0],
  mount: ["none", "/", "tmpfs", 0, 0],
  umount2: ["/nowhere", 0],
  pivot_root: ["/nowhere", "/nowhere"],
  chroot: ["/nowhere"],
  open_tree: [AT_FDCWD, "/", 0],
  move_mount: [NOTHING, "", NOTHING, "", 0],
  fsopen: ["tmpfs", 0],
  fsconfig: [NOTHING, 0, 0, 0, 0],
  fsmount: [NOTHING, 0, 0],
  fspick: [AT_FDCWD, "/", 0],
  mount_setattr: [NOTHING, "", 0, memory, 32],
  quotactl: [0, 0, 0, 0],
  quotactl_fd: [NOTHING, 0, 0, 0],
  add_key: ["user", "ring3", memory, 8, -3],
  request_key: ["user", "ring3", 0, -3],
  "keyctl the session's keyring": [0, -3, 0],
  "keyctl a new session": [1, 0],
  "bpf a map": [0, memory, 64],
  "bpf a program": [5, memory, 64],
  perf_event_open: [memory, 0, -1, -1, 0],
  userfaultfd: [0],
  init_module: [memory, 64, ""],
  finit_module: [NOTHING, "", 0],
  delete_module: ["ring3", 0],
  kexec_load: [0, 0, 0, 0],
  kexec_file_load: [NOTHING, NOTHING, 0, "", 0],
  settimeofday: [memory, 0],
  "clock_settime of no clock": [99, memory],
  adjtimex: [memory],
  clock_adjtime: [99, memory],
  reboot: [0, 0, 0, 0],
  swapon: ["/nowhere", 0],
  swapoff: ["/nowhere"],
  acct: ["/nowhere"],
  "syslog read": [3, memory, 64],
  sethostname: ["ring3", 0],
  setdomainname: ["ring3", 0],
  vhangup: [],
  iopl: [3],
  ioperm: [0, 1, 1],
  modify_ldt: [0, memory, 64],
  lookup_dcookie: [0, 0, memory, 64],
  landlock_create_ruleset: [memory, 8, 0],
  landlock_restrict_self: [NOTHING, 0],
  mq_open: ["ring3", 0o100, 0o600, 0],
  mq_unlink: ["ring3"],
  msgget: [0, 0o1600],
  semget: [0, 1, 0o1600],
  io_setup: [1, memory],
  io_submit: [0, 0, 0],
  migrate_pages: [0, 0, 0, 0],
  move_pages: [0, 0, 0, 0, 0, 0],
  mbind: [0, 0, 0, 0, 0, 0],
  set_mempolicy: [0, 0, 0],
  timer_create: [0, 0, memory],
  setitimer: [0, memory, 0],
  alarm: [0],
  uname: [memory],
  sysinfo: [memory],
  rseq: [memory, 32, 0, 0],
};

/** The C library or the runtime asks for these at its start, and goes on where the kernel knows no such call. */
const unknown: Readonly<Record<string, readonly Argument[]>> = {
  clone3: [memory, 64],
  io_uring_setup: [1, memory],
  io_uring_enter: [NOTHING, 0, 0, 0, 0, 0],
  io_uring_register: [NOTHING, 0, 0, 0],
};

export const kernel: Group = {
  name: "kernel",
  probes: [
    ...Object.entries(spaces).flatMap(([space, flag]) => refused(`unshare the ${space} namespace`, flag)),
    ...Object.entries(calls).flatMap(([name, words]) => refused(name, ...words)),
    ...Object.entries(unknown).flatMap(([name, words]) =>
      refused(name, ...words).map((probe) => ({ ...probe, denied: ["ENOSYS"] })),
    ),
  ],
};
