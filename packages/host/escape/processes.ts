// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. New processes, and what can be done to others.
import { type Argument, call, type Group, type Probe, refused } from "./probe.ts";

const SIGKILL = 9; // asm-generic/signal.h
const SIGCHLD = 17;
const SIGSTOP = 19;
const ITSELF = 2; // kernel/jail/stage-driver.ts
const AT_FDCWD = -100; // linux/fcntl.h
// linux/ptrace.h
const PTRACE_TRACEME = 0;
const PTRACE_ATTACH = 16;
const PTRACE_SEIZE = 0x4206;
// linux/sched.h
const CLONE_VM = 0x100;
const CLONE_THREAD = 0x10000;
const CLONE_SIGHAND = 0x800;
const CLONE_PARENT = 0x8000;
const SCHED_FIFO = 1;
// linux/prctl.h
const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_SET_SECCOMP = 22;
const PR_SET_MM = 35;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_SET_PTRACER = 0x59616d61;
const RLIMIT_NOFILE = 7; // asm-generic/resource.h
const SECCOMP_SET_MODE_FILTER = 1; // linux/seccomp.h
const SECCOMP_GET_NOTIF_SIZES = 3;
const IOPRIO_WHO_PROCESS = 1; // linux/ioprio.h
const MADV_DONTNEED = 4; // asm-generic/mman-common.h
const PIDFD = 4; // any descriptor will do
const memory = new Uint8Array(256);

const others: Readonly<Record<string, Argument>> = {
  "the keeper": ({ keeper }) => keeper,
  "the manager": ({ manager }) => manager,
  "the reflector": ({ reflector }) => reflector,
  "another host": ({ host }) => host,
  "another jail's init": ({ init }) => init,
  "its own jail's init": 1,
};

const toEveryOther = Object.entries(others).flatMap(([whom, pid]) => [
  ...refused(`kill ${whom}`, pid, SIGKILL),
  ...refused(`tgkill ${whom}`, pid, pid, SIGKILL),
  ...refused(`pidfd_open ${whom}`, pid, 0),
  ...refused(`ptrace ${whom}`, PTRACE_ATTACH, pid, 0, 0),
  ...refused(`process_vm_readv ${whom}`, pid, memory, 1, memory, 1, 0),
  ...refused(`process_vm_writev ${whom}`, pid, memory, 1, memory, 1, 0),
  ...refused(`prlimit64 ${whom}`, pid, RLIMIT_NOFILE, memory, memory),
]);

const NOBODY_ELSE = 0;
const calls: Readonly<Record<string, readonly Argument[]>> = {
  "kill everybody": [-1, SIGKILL],
  "kill its own group": [0, SIGKILL],
  "kill itself": [ITSELF, SIGKILL],
  // Either would pass for a person's doing, which is no fault of the driver.
  "tgkill itself": [ITSELF, ITSELF, SIGKILL],
  "tgkill itself to stand still": [ITSELF, ITSELF, SIGSTOP],
  "tkill the keeper": [({ keeper }) => keeper, SIGKILL],
  "rt_sigqueueinfo the keeper": [({ keeper }) => keeper, SIGKILL, memory],
  "rt_tgsigqueueinfo the keeper": [({ keeper }) => keeper, ({ keeper }) => keeper, SIGKILL, memory],
  pidfd_send_signal: [PIDFD, SIGKILL, 0, 0],
  pidfd_getfd: [PIDFD, 0, 0],
  process_madvise: [PIDFD, memory, 1, MADV_DONTNEED, 0],
  process_mrelease: [PIDFD, 0],
  "ptrace by its parent": [PTRACE_TRACEME, 0, 0, 0],
  "ptrace by seizing": [PTRACE_SEIZE, ({ host }) => host, 0, 0],
  kcmp: [({ manager }) => manager, 2, 0, 0, 0],
  fork: [],
  vfork: [],
  "clone a process": [SIGCHLD, 0, 0, 0, 0],
  "clone a sibling": [CLONE_PARENT | SIGCHLD, 0, 0, 0, 0],
  "clone a thread": [CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0],
  execve: ["/ring3/node", 0, 0],
  execveat: [AT_FDCWD, "/ring3/node", 0, 0, 0],
  "execveat a descriptor": [PIDFD, "", 0, 0, 0x1000],
  wait4: [-1, 0, 1, 0],
  waitid: [0, -1, 0, 1, 0],
  "prlimit64 itself": [0, RLIMIT_NOFILE, memory, 0],
  setrlimit: [RLIMIT_NOFILE, memory],
  setpriority: [0, NOBODY_ELSE, -20],
  "setpriority of another host": [0, ({ host }) => host, 19],
  sched_setscheduler: [NOBODY_ELSE, SCHED_FIFO, memory],
  sched_setparam: [NOBODY_ELSE, memory],
  sched_setattr: [NOBODY_ELSE, memory, 0],
  sched_setaffinity: [({ host }) => host, 8, memory],
  ioprio_set: [IOPRIO_WHO_PROCESS, NOBODY_ELSE, 0],
  setpgid: [NOBODY_ELSE, NOBODY_ELSE],
  setsid: [],
  "prctl the signal at its parent's death": [PR_SET_PDEATHSIG, 0, 0, 0, 0],
  "prctl dumpable": [PR_SET_DUMPABLE, 1, 0, 0, 0],
  "prctl kept capabilities": [PR_SET_KEEPCAPS, 1, 0, 0, 0],
  "prctl seccomp": [PR_SET_SECCOMP, 2, 0, 0, 0],
  "prctl memory map": [PR_SET_MM, 1, 0, 0, 0],
  "prctl new privileges": [PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0],
  "prctl tracer": [PR_SET_PTRACER, -1, 0, 0, 0],
  arch_prctl: [0x1002, 0],
  "seccomp filter": [SECCOMP_SET_MODE_FILTER, 0, 0],
  "seccomp notification": [SECCOMP_GET_NOTIF_SIZES, 0, memory],
  setuid: [0],
  setgid: [0],
  setreuid: [0, 0],
  setresuid: [0, 0, 0],
  setresgid: [0, 0, 0],
  setfsuid: [0],
  setgroups: [0, 0],
  capget: [memory, memory],
  capset: [memory, memory],
  personality: [0x0400000],
  getrusage: [0, memory],
  set_robust_list: [0, 24],
  get_robust_list: [({ manager }) => manager, memory, memory],
};

/** An exit that says that a signal ended it: refused, so that the C library runs into its end. */
const feigned: Probe = {
  name: "exit_group as if it were killed",
  denied: ["EPERM"],
  run: () => call("exit_group", 128 + SIGKILL),
};

export const processes: Group = {
  name: "processes",
  probes: [
    ...toEveryOther,
    ...Object.entries(calls).flatMap(([name, words]) => refused(name, ...words)),
    feigned,
  ],
};
