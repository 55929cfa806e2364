// Runs in: driver host, as the hostile driver of `ring3 probe`. Owns: nothing. The client's memory, shared memory, and code.
import { channel } from "./channel.ts";
import { type Argument, call, callNumber, type Group, type Probe, refused, word } from "./probe.ts";
import { systemCalls } from "./system-calls.ts";

// asm-generic/mman-common.h, asm-generic/mman.h
const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_GROWSDOWN = 0x100;
const MAP_LOCKED = 0x2000;
const MAP_HUGETLB = 0x40000;
const PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS;
const MREMAP_MAYMOVE = 1; // linux/mman.h
const MADV_REMOVE = 9;
const FALLOC_FL_PUNCH_HOLE = 3; // with KEEP_SIZE, linux/falloc.h
const PAGE = 4096;
const page = new Uint8Array(PAGE);
/** x86-64's numbers of the x32 ABI have this bit, asm/unistd.h. */
const X32_BIT = 0x40000000;

/** The client's memory, as a descriptor and as it is mapped here. Sealed: F_SEAL_FUTURE_WRITE answers EPERM, its mapping EACCES. */
const ofClient = (name: string, denied: string, run: (fd: number, mapped: ArrayBuffer) => number): Probe => ({
  name: `${name} a client's memory`,
  denied: [denied],
  run: () => run(channel.clientMemory(), channel.client().buffer as ArrayBuffer),
});

const RW = PROT_READ | PROT_WRITE;
const clients: readonly Probe[] = [
  ofClient("map writable", "EPERM", (fd) => call("mmap", 0, PAGE, RW, MAP_SHARED, fd, 0)),
  ofClient("map executable", "EPERM", (fd) =>
    call("mmap", 0, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0),
  ),
  ofClient("mprotect writable", "EACCES", (_, mapped) => call("mprotect", mapped, PAGE, RW)),
  ofClient("mremap and then mprotect writable", "EACCES", (_, mapped) => {
    const moved = call("mremap", mapped, 0, PAGE, MREMAP_MAYMOVE); // old size 0: a second mapping of the same pages
    return moved < 0 ? moved : call("mprotect", moved, PAGE, RW);
  }),
  ofClient("punch a hole by madvise into", "EACCES", (_, mapped) =>
    call("madvise", mapped, PAGE, MADV_REMOVE),
  ),
  ofClient("write to", "EPERM", (fd) => call("write", fd, page, 16)),
  ofClient("pwrite64 to", "EPERM", (fd) => call("pwrite64", fd, page, 16, 0)),
  ofClient("ftruncate", "EPERM", (fd) => call("ftruncate", fd, 0)),
  ofClient("ftruncate longer", "EPERM", (fd) => call("ftruncate", fd, 2 ** 40)),
  ofClient("fallocate", "EPERM", (fd) => call("fallocate", fd, 0, 0, PAGE)),
  ofClient("punch a hole into", "EPERM", (fd) => call("fallocate", fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE)),
  ofClient("take the seals off", "EPERM", (fd) => call("fcntl", fd, 1033, 0)),
];

/** Its own memory, once its client has it. */
const own: readonly Probe[] = [
  {
    name: "punch a hole by madvise into what the client reads",
    denied: ["EPERM"],
    run: () => call("madvise", channel.own().buffer as ArrayBuffer, PAGE, MADV_REMOVE),
  },
  {
    name: "write to a client's mapped memory",
    denied: ["died: signal"],
    run() {
      channel.client()[0] = 1;
      return "written";
    },
  },
];

const calls: Readonly<Record<string, readonly Argument[]>> = {
  shmget: [0, PAGE, 0o1600],
  shmat: [0, 0, 0],
  "mmap shared memory that no file stands for": [0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0],
  "mmap memory that grows like a stack, of which no limit counts": [
    0,
    PAGE,
    RW,
    PRIVATE | MAP_GROWSDOWN,
    -1,
    0,
  ],
  "mmap memory that stays in RAM": [0, PAGE, RW, PRIVATE | MAP_LOCKED, -1, 0],
  "mmap huge pages": [0, PAGE, RW, PRIVATE | MAP_HUGETLB, -1, 0],
  "mmap its own code as code": [0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 3, 0],
  mlock: [page, PAGE],
  mlock2: [page, PAGE, 0],
  mlockall: [1],
  munlockall: [],
  remap_file_pages: [page, PAGE, 0, 0, 0],
  pkey_mprotect: [page, PAGE, RW, -1],
  pkey_alloc: [0, 0],
  mincore: [page, PAGE, page],
  msync: [page, PAGE, 0],
};

/** The other tier's compiler needs all of these. */
const strict: readonly Probe[] = [
  ofClient("mprotect executable", "EPERM", (_, mapped) =>
    call("mprotect", mapped, PAGE, PROT_READ | PROT_EXEC),
  ),
  ...refused("mmap executable memory", 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
  ...refused(
    "mmap writable and executable memory",
    0,
    PAGE,
    RW | PROT_EXEC,
    MAP_PRIVATE | MAP_ANONYMOUS,
    -1,
    0,
  ),
  ...refused("mprotect executable", page, PAGE, PROT_READ | PROT_EXEC),
].map((probe) => ({ ...probe, tier: "strict" as const }));

const EVERY = 600;
/** uretprobe and uprobe: seccomp passes them unseen (kernel/seccomp.c), and they end who calls them elsewhere than in a probed function. */
const UNFILTERED = process.arch === "x64" ? [335, 336] : [];
/** Answers that no kernel's code gives to nothing but zeroes and descriptor -1. */
const SILENT = ["EPERM", "ENOSYS"];
const sweep: Probe = {
  name: `every system call from 0 to ${EVERY} that is not on the manager's list`,
  denied: ["none"],
  run({ targets }) {
    const left = new Set([...UNFILTERED, ...targets.allowed.map((name) => systemCalls.get(name))]);
    const answered: string[] = [];
    for (let nr = 0; nr <= EVERY; nr++) {
      if (left.has(nr)) continue;
      const answer = word(callNumber(nr, -1, 0, 0, 0, 0, 0));
      if (!SILENT.includes(answer)) answered.push(`${nr} ${answer}`);
    }
    return answered.join(", ") || "none";
  },
};

const otherAbi: readonly Probe[] =
  process.arch === "x64"
    ? [
        {
          name: "open by a number of the x32 ABI",
          denied: ["died: signal"],
          run: () => callNumber(X32_BIT | 2, "/etc/passwd", 0),
        },
      ]
    : [];

export const memory: Group = {
  name: "memory",
  probes: [
    ...clients,
    ...own,
    ...Object.entries(calls).flatMap(([name, words]) => refused(name, ...words)),
    ...strict,
  ],
};

export const numbers: Group = { name: "numbers", probes: [sweep, ...otherAbi] };
