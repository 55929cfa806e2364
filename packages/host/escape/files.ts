// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. Everything that takes a path.
import { type Argument, type Group, harmless, refused } from "./probe.ts";

// linux/fcntl.h, asm-generic/fcntl.h
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const O_RDWR = 2;
const O_CREAT = 0o100;
const S_IFCHR = 0o020000; // linux/stat.h
const NULL_DEVICE = 0x103; // major 1, minor 3
const IN_ALL_EVENTS = 0xfff; // linux/inotify.h
const STATX_ALL = 0xfff; // linux/stat.h
const GRANT = 4; // any descriptor will do: it is not looked at
const room = new Uint8Array(4096);
const zeroes = new Uint8Array(64);

const places: Readonly<Record<string, Argument>> = {
  "the root": "/",
  "its own code": "/ring3/host.cjs",
  "its own runtime": "/ring3/node",
  "/dev/null": "/dev/null",
  "/etc/passwd": "/etc/passwd",
  "/etc/shadow": "/etc/shadow",
  "/tmp": "/tmp",
  "a home directory": ({ home }) => home,
  "its own memory": "/proc/self/mem",
  "the keeper's environment": ({ keeper }) => `/proc/${keeper}/environ`,
  "the manager's memory": ({ manager }) => `/proc/${manager}/mem`,
  "the reflector's descriptors": ({ reflector }) => `/proc/${reflector}/fd`,
  "another host's memory": ({ host }) => `/proc/${host}/mem`,
  "kernel symbols": "/proc/kallsyms",
  sysrq: "/proc/sysrq-trigger",
  "devices in sysfs": "/sys/bus/usb/devices",
  cgroups: "/sys/fs/cgroup",
  "physical memory": "/dev/mem",
  "USB nodes": "/dev/bus/usb",
  terminals: "/dev/tty",
  "the state directory": ({ stateDirectory }) => stateDirectory,
  "the control socket": ({ socket }) => socket,
  "another disk's image": ({ image }) => image,
};

const everyPlace = Object.entries(places).flatMap(([place, path]) => [
  ...harmless(refused(`openat ${place}`, AT_FDCWD, path, 0)),
  ...refused(`openat ${place} to write`, AT_FDCWD, path, O_RDWR | O_CREAT, 0o600),
  ...harmless(refused(`statx ${place}`, AT_FDCWD, path, 0, STATX_ALL, room)),
]);

const P = "/tmp/ring3-probe";
/** A call with its arguments, on a path that is nobody's. */
const calls: Readonly<Record<string, readonly Argument[]>> = {
  open: [P, O_RDWR],
  creat: [P, 0o600],
  openat2: [AT_FDCWD, P, zeroes, 24],
  stat: [P, room],
  lstat: [P, room],
  newfstatat: [AT_FDCWD, "/", room, 0],
  access: ["/", 0],
  faccessat: [AT_FDCWD, "/", 0],
  faccessat2: [AT_FDCWD, "/", 0, 0],
  readlink: ["/proc/self/exe", room, 4096],
  readlinkat: [AT_FDCWD, "/proc/self/exe", room, 4096],
  getcwd: [room, 4096],
  chdir: ["/"],
  fchdir: [GRANT],
  unlink: [P],
  unlinkat: [AT_FDCWD, P, 0],
  rename: [P, `${P}-2`],
  renameat: [AT_FDCWD, P, AT_FDCWD, `${P}-2`],
  renameat2: [AT_FDCWD, P, AT_FDCWD, `${P}-2`, 0],
  mkdir: [P, 0o700],
  mkdirat: [AT_FDCWD, P, 0o700],
  rmdir: [P],
  link: ["/ring3/node", P],
  linkat: [AT_FDCWD, "/ring3/node", AT_FDCWD, P, 0],
  symlink: ["/", P],
  symlinkat: ["/", AT_FDCWD, P],
  chmod: [P, 0o777],
  fchmod: [GRANT, 0o777],
  fchmodat: [AT_FDCWD, P, 0o777],
  chown: [P, 0, 0],
  fchown: [GRANT, 0, 0],
  fchownat: [AT_FDCWD, P, 0, 0, 0],
  truncate: ["/ring3/host.cjs", 0],
  utimensat: [AT_FDCWD, "/ring3/host.cjs", 0, 0],
  getxattr: ["/ring3/node", "user.x", room, 16],
  setxattr: ["/ring3/node", "user.x", room, 16, 0],
  fsetxattr: [GRANT, "user.x", room, 16, 0],
  listxattr: ["/ring3/node", room, 4096],
  removexattr: ["/ring3/node", "user.x"],
  mknod: [P, S_IFCHR | 0o600, NULL_DEVICE],
  mknodat: [AT_FDCWD, P, S_IFCHR | 0o600, NULL_DEVICE],
  statfs: ["/", room],
  fstatfs: [GRANT, room],
  name_to_handle_at: [AT_FDCWD, "/", room, room, 0],
  open_by_handle_at: [GRANT, room, 0],
  inotify_init1: [0],
  inotify_add_watch: [GRANT, "/", IN_ALL_EVENTS],
  fanotify_init: [0, 0],
  fanotify_mark: [GRANT, 1, IN_ALL_EVENTS, AT_FDCWD, "/"],
  getdents64: [GRANT, room, 4096],
  flock: [GRANT, 2],
  umask: [0],
};

export const files: Group = {
  name: "files",
  probes: [
    ...everyPlace,
    ...Object.entries(calls).flatMap(([name, words]) => refused(name, ...words)),
    ...refused("statx by descriptor", GRANT, "", AT_EMPTY_PATH, STATX_ALL, room),
  ],
};
