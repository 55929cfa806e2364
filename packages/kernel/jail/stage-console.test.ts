// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ALLOW, ARCH, errno, headerNumbers, run } from "./bpf.fixture.ts";
import { consoleFilter } from "./stage-console.ts";

const EPERM = errno(1);

for (const architecture of ["x64", "arm64"] as const) {
  const filter = consoleFilter(architecture, 4711);
  const console = (call: string, ...args: bigint[]) =>
    run(filter, ARCH[architecture], headerNumbers(architecture, [call])[0]!, args);

  test(`${architecture}: a console serves browsers and its units' drivers`, () => {
    for (const call of ["accept4", "read", "writev", "shutdown", "memfd_create", "sendmsg", "recvmsg"])
      assert.equal(console(call), ALLOW, call);
    assert.equal(console("setsockopt", 3n, 6n, 1n), ALLOW); // TCP_NODELAY
  });

  test(`${architecture}: it opens no path, makes no socket, starts no process, asks no device`, () => {
    const calls = ["openat", "newfstatat", "unlinkat", "socket", "bind", "listen", "connect", "clone"];
    for (const call of [...calls, "execve", "kill", "ptrace", "mount", "setuid", "seccomp"])
      assert.equal(console(call, 1n, 1n, 1n), EPERM, call);
    assert.equal(console("ioctl", 3n, 0x8038550an), EPERM); // USBDEVFS_SUBMITURB
    assert.equal(console("setsockopt", 3n, 1n, 1n), EPERM); // SO_DEBUG, SOL_SOCKET
    assert.equal(console("io_uring_setup", 1n), errno(38));
  });
}
