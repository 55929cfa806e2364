// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ALLOW, ARCH, errno, headerNumbers, KILL, run } from "./bpf.fixture.ts";
import { allowedCalls, driverFilter, hostCalls, spareFilter } from "./stage-driver.ts";

const SUBMITURB = 0x8038550a; // linux/usbdevice_fs.h
const DROP_PRIVILEGES = 0x4004551e;
const EPERM = errno(1);
const ENOSYS = errno(38);

/** What nobody inside has a use for; each is a way out, to others, or to more of the kernel. */
const forbidden = {
  files: [
    "open",
    "openat",
    "openat2",
    "creat",
    "stat",
    "lstat",
    "newfstatat",
    "statx",
    "access",
    "readlink",
    "getcwd",
    "chdir",
    "unlink",
    "rename",
    "mkdir",
    "symlink",
    "chmod",
    "name_to_handle_at",
  ],
  processes: [
    "execve",
    "execveat",
    "fork",
    "vfork",
    "clone",
    "kill",
    "tkill",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "pidfd_open",
    "pidfd_send_signal",
    "pidfd_getfd",
    "prctl",
    "prlimit64",
    "setpriority",
    "setns",
    "unshare",
  ],
  sockets: [
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recvmmsg",
    "setsockopt",
  ],
  descriptors: [
    "dup",
    "dup2",
    "dup3",
    "pipe2",
    "eventfd2",
    "memfd_create",
    "ftruncate",
    "fallocate",
    "splice",
    "tee",
    "vmsplice",
    "sendfile",
    "copy_file_range",
    "pwrite64",
    "epoll_create1",
    "inotify_init1",
    "signalfd4",
    "timerfd_create",
  ],
  kernel: [
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "keyctl",
    "add_key",
    "init_module",
    "finit_module",
    "mount",
    "umount2",
    "pivot_root",
    "move_mount",
    "seccomp",
    "personality",
    "mlock",
    "mbind",
    "shmget",
    "msgget",
    "semget",
    "mq_open",
    "setuid",
    "setgid",
    "capset",
    "reboot",
    "quotactl",
  ],
};
const onlyOnX64 = [
  "open",
  "creat",
  "stat",
  "lstat",
  "access",
  "readlink",
  "unlink",
  "rename",
  "mkdir",
  "symlink",
  "chmod",
  "fork",
  "vfork",
  "dup2",
];

test("at most 45 system calls, in either tier", () => {
  for (const tier of ["standard", "strict"] as const) {
    const calls = allowedCalls(tier);
    assert.equal(new Set(calls).size, calls.length);
    assert.ok(calls.length <= 45, `${calls.length}`);
  }
});

for (const architecture of ["x64", "arm64"] as const) {
  const numberOf = (call: string): number => headerNumbers(architecture, [call])[0]!;
  const driver = driverFilter(architecture, "standard", [SUBMITURB]);
  const strict = driverFilter(architecture, "strict", [SUBMITURB]);
  const spare = spareFilter(architecture, "standard", [SUBMITURB, DROP_PRIVILEGES]);
  const answer = (filter: Uint8Array, call: string, ...args: bigint[]): number =>
    run(filter, ARCH[architecture], numberOf(call), args);

  test(`${architecture}: the table's numbers are those of the C library's headers`, () => {
    const calls = hostCalls("standard");
    assert.deepEqual(
      headerNumbers(
        architecture,
        calls.map(({ call }) => call),
      ),
      calls.map((allowance) => allowance[architecture]),
    );
  });

  for (const [kind, calls] of Object.entries(forbidden))
    test(`${architecture}: of ${kind}, none of ${calls.length} calls passes`, () => {
      const here = calls.filter((call) => architecture === "x64" || !onlyOnX64.includes(call));
      for (const number of headerNumbers(architecture, here))
        for (const argument of [0n, 1n, 0xffffffffffffffffn])
          assert.equal(run(driver, ARCH[architecture], number, new Array(6).fill(argument)), EPERM);
    });

  test(`${architecture}: io_uring and clone3 answer ENOSYS, which the runtime goes on without`, () => {
    for (const call of ["io_uring_setup", "io_uring_enter", "io_uring_register", "clone3"])
      assert.equal(answer(driver, call), ENOSYS);
  });

  test(`${architecture}: every number beyond the table is refused`, () => {
    const known = new Set(hostCalls("standard").map((allowance) => allowance[architecture]));
    known.add(numberOf("ioctl"));
    for (let number = 0; number < 1024; number++)
      if (!known.has(number)) {
        const verdict = run(driver, ARCH[architecture], number, new Array(6).fill(0n));
        assert.ok(verdict === EPERM || verdict === ENOSYS, `${number}: ${verdict.toString(16)}`);
      }
  });

  test(`${architecture}: ioctl passes by request alone, FIONBIO is answered without being done`, () => {
    const ioctl = (filter: Uint8Array, request: bigint) => answer(filter, "ioctl", 5n, request, 0n);
    assert.equal(ioctl(driver, BigInt(SUBMITURB)), ALLOW);
    assert.equal(ioctl(driver, (7n << 32n) | BigInt(SUBMITURB)), ALLOW); // the kernel takes the low 32 bits too
    assert.equal(ioctl(driver, BigInt(DROP_PRIVILEGES)), EPERM);
    assert.equal(ioctl(driver, 0x5421n), errno(0)); // FIONBIO
    assert.equal(ioctl(driver, 0x5452n), EPERM); // FIOASYNC
    assert.equal(ioctl(driver, 0x5412n), EPERM); // TIOCSTI
    assert.equal(ioctl(spare, BigInt(DROP_PRIVILEGES)), ALLOW);
  });

  test(`${architecture}: a request of any length passes with each length, and is no way to others`, () => {
    const SFEATURE = 0xc0004806; // linux/hidraw.h, HIDIOCSFEATURE(0)
    const filter = driverFilter(architecture, "standard", [SFEATURE, SUBMITURB]);
    const ioctl = (request: number) => answer(filter, "ioctl", 5n, BigInt(request), 0n);
    for (const length of [0, 1, 64, 0x3fff]) assert.equal(ioctl(SFEATURE + length * 0x10000), ALLOW);
    assert.equal(ioctl(SUBMITURB), ALLOW);
    const GFEATURE = 0xc0004807;
    const WRITTEN = 0x40004806; // the same number in the other direction
    for (const request of [GFEATURE, GFEATURE + 0x10000, WRITTEN, SUBMITURB + 0x10000, DROP_PRIVILEGES])
      assert.equal(ioctl(request), EPERM, request.toString(16));
  });

  test(`${architecture}: descriptors' flags can be read and not set, descriptors not duplicated`, () => {
    const commands = [0n, 1n, 2n, 3n, 4n, 8n, 10n, 1024n, 1030n, 1031n, 1033n, 1034n]; // linux/fcntl.h
    const passed = commands.filter((command) => answer(driver, "fcntl", 4n, command, 0n) === ALLOW);
    assert.deepEqual(passed, [1n, 3n, 1034n]); // F_GETFD, F_GETFL, F_GET_SEALS
  });

  test(`${architecture}: memory becomes executable only if it is anonymous, and in the strict tier never`, () => {
    const [read, exec] = [1n, 5n]; // PROT_READ, PROT_READ | PROT_EXEC
    const [shared, anonymous] = [1n, 0x22n]; // MAP_SHARED, MAP_PRIVATE | MAP_ANONYMOUS
    const mmap = (filter: Uint8Array, protection: bigint, flags: bigint) =>
      answer(filter, "mmap", 0n, 4096n, protection, flags, 3n, 0n);
    assert.deepEqual(
      [mmap(driver, read, shared), mmap(driver, exec, shared), mmap(driver, exec, anonymous)],
      [ALLOW, EPERM, ALLOW],
    );
    assert.deepEqual(
      [mmap(strict, read, shared), mmap(strict, exec, shared), mmap(strict, exec, anonymous)],
      [ALLOW, EPERM, EPERM],
    );
    assert.equal(mmap(driver, read, shared | 0x20n), EPERM); // MAP_SHARED | MAP_ANONYMOUS
    const uncounted = [0x100n, 0x2000n, 0x40000n]; // MAP_GROWSDOWN, MAP_LOCKED, MAP_HUGETLB
    for (const flag of uncounted)
      for (const flags of [anonymous, shared, 2n]) assert.equal(mmap(driver, read, flags | flag), EPERM);
    const mprotect = (filter: Uint8Array, protection: bigint) =>
      answer(filter, "mprotect", 0n, 4096n, protection);
    assert.deepEqual(
      [mprotect(driver, exec), mprotect(strict, exec), mprotect(strict, 3n)],
      [ALLOW, EPERM, ALLOW],
    );
  });

  test(`${architecture}: abort() reaches the process itself and nobody else; what a person might send reaches nobody`, () => {
    const abort = 6n;
    const signals = [1n, 2n, 3n].map((process) => answer(driver, "tgkill", process, 3n, abort));
    assert.deepEqual(signals, [EPERM, ALLOW, EPERM]);
    for (const outside of [9n, 15n, 19n]) assert.equal(answer(driver, "tgkill", 2n, 3n, outside), EPERM);
  });

  test(`${architecture}: a fault may be raised again, and an exit code cannot pass for a signal`, () => {
    const raised = [6n, 7n, 11n].map((signal) => answer(driver, "tgkill", 2n, 2n, signal)); // SIGABRT, SIGBUS, SIGSEGV
    assert.deepEqual(raised, [ALLOW, ALLOW, ALLOW]);
    const ended = [0n, 1n, 127n, 128n, 137n].map((code) => answer(driver, "exit_group", code));
    assert.deepEqual(ended, [ALLOW, ALLOW, ALLOW, EPERM, EPERM]);
  });

  test(`${architecture}: a spare may limit itself and put on one more filter, a driver neither`, () => {
    const limits = [spare, driver].map((filter) => answer(filter, "prlimit64", 0n, 2n, 1n, 0n));
    assert.deepEqual(limits, [ALLOW, EPERM]);
    assert.equal(answer(spare, "prlimit64", 1n, 2n, 1n, 0n), EPERM);
    assert.deepEqual([answer(spare, "seccomp", 1n), answer(driver, "seccomp", 1n)], [ALLOW, EPERM]);
  });

  test(`${architecture}: calls of another architecture kill the process`, () => {
    const other = architecture === "x64" ? "arm64" : "x64";
    assert.equal(run(driver, ARCH[other], 0), KILL);
    assert.equal(run(spare, ARCH[other], 0), KILL);
  });
}
