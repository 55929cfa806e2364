// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. New descriptors, and the flags of those that others share.
import { type Argument, call, type Group, harmless, type Probe, refused, word } from "./probe.ts";

const CONTROL = 3; // host/main.ts
// asm-generic/fcntl.h, linux/fcntl.h
const fcntlCommands = {
  F_DUPFD: 0,
  F_SETFD: 2,
  F_SETFL: 4,
  F_GETLK: 5,
  F_SETLK: 6,
  F_SETOWN: 8,
  F_GETOWN: 9,
  F_SETSIG: 10,
  F_SETOWN_EX: 15,
  F_OFD_SETLK: 37,
  F_SETLEASE: 1024,
  F_NOTIFY: 1026,
  F_DUPFD_CLOEXEC: 1030,
  F_SETPIPE_SZ: 1031,
  F_GETPIPE_SZ: 1032,
  F_ADD_SEALS: 1033,
  F_SET_RW_HINT: 1036,
  F_SET_FILE_RW_HINT: 1038,
};
const F_GETFL = 3;
const O_NONBLOCK = 0o4000;
const FIONBIO = 0x5421; // asm-generic/ioctls.h
const memory = new Uint8Array(64);

const making: Readonly<Record<string, readonly Argument[]>> = {
  dup: [CONTROL],
  dup2: [CONTROL, 900],
  dup3: [CONTROL, 900, 0],
  pipe: [memory],
  pipe2: [memory, 0],
  eventfd2: [0, 0],
  epoll_create1: [0],
  timerfd_create: [0, 0],
  memfd_create: ["ring3-probe", 0],
  memfd_secret: [0],
};
const using: Readonly<Record<string, readonly Argument[]>> = {
  signalfd4: [-1, memory, 8, 0],
  close_range: [4096, 5000, 0],
  splice: [CONTROL, 0, CONTROL, 0, 1, 0],
  tee: [CONTROL, CONTROL, 1, 0],
  vmsplice: [CONTROL, memory, 1, 0],
  sendfile: [CONTROL, CONTROL, 0, 1],
  copy_file_range: [CONTROL, 0, CONTROL, 0, 1, 0],
  fsync: [CONTROL],
  fadvise64: [CONTROL, 0, 0, 0],
  readahead: [CONTROL, 0, 1],
  sync: [],
  syncfs: [CONTROL],
  lseek: [CONTROL, 0, 0],
};

const fcntls = Object.entries(fcntlCommands).flatMap(([name, command]) =>
  refused(`fcntl ${name}`, CONTROL, command, 0),
);

/** Answered as if it were done: a peer on the same open file would notice. */
const nonBlocking: Probe = {
  name: "ioctl FIONBIO takes nobody's O_NONBLOCK away",
  denied: ["untouched"],
  run() {
    const answer = call("ioctl", CONTROL, FIONBIO, new Int32Array(1));
    const flags = call("fcntl", CONTROL, F_GETFL);
    return answer === 0 && flags >= 0 && (flags & O_NONBLOCK) !== 0
      ? "untouched"
      : `${word(answer)}, ${flags}`;
  },
};

/** As many new descriptors as it can have. */
const bomb: Probe = {
  name: "as many descriptors as there are",
  denied: ["EPERM"],
  check: "descriptors",
  run() {
    let made = 0;
    for (; made < 2000; made++) {
      const answer = call("dup", CONTROL);
      if (answer < 0) return made === 0 ? word(answer) : `${word(answer)} after ${made}`;
    }
    return `${made} made`;
  },
};

const entries = (table: typeof making): Probe[] =>
  Object.entries(table).flatMap(([name, words]) => refused(name, ...words));

export const descriptors: Group = {
  name: "descriptors",
  probes: [...fcntls, ...harmless(entries(making)), ...entries(using), nonBlocking, bomb],
};
