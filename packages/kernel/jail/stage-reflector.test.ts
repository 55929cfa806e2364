// Runs in: tests.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { test } from "node:test";
import { pipe } from "../fd/descriptor.ts";
import { reflectorRequests } from "../uinput/constants.ts";
import { RING_ENTRIES } from "../uring/ring.ts";
import { ALLOW, ARCH, errno, headerNumbers, run } from "./bpf.fixture.ts";
import { reflectorFilter } from "./stage-reflector.ts";
import { supervisorFilter } from "./supervisor.ts";

const PID = 4711;
const EPERM = errno(1);
const SUBMITURB = 0x8038550an; // USBDEVFS_SUBMITURB, linux/usbdevice_fs.h

for (const architecture of ["x64", "arm64"] as const) {
  const judge =
    (filter: Uint8Array) =>
    (call: string, ...args: bigint[]) =>
      run(filter, ARCH[architecture], headerNumbers(architecture, [call])[0]!, args);
  const reflector = judge(reflectorFilter(architecture, PID));
  const supervisor = judge(supervisorFilter(architecture));

  test(`${architecture}: a reflector accepts, makes shared memory and sends it`, () => {
    for (const call of ["accept4", "memfd_create", "ftruncate", "sendmsg", "recvmsg", "read", "writev"])
      assert.equal(reflector(call), ALLOW, call);
    const commands = [1n, 3n, 4n, 1030n, 1033n, 1034n].map((command) => reflector("fcntl", 3n, command));
    assert.deepEqual(commands, [ALLOW, ALLOW, errno(0), ALLOW, ALLOW, ALLOW]); // F_SETFL does nothing
    assert.deepEqual(
      [reflector("tgkill", BigInt(PID), 1n, 6n), reflector("tgkill", 2n, 1n, 6n)],
      [ALLOW, EPERM],
    );
  });

  test(`${architecture}: it opens no path, makes no socket, starts no process, asks no device`, () => {
    const calls = ["openat", "newfstatat", "unlinkat", "fchmodat", "socket", "bind", "listen", "connect"];
    for (const call of [...calls, "clone", "execve", "kill", "ptrace", "mount", "setuid", "seccomp"])
      assert.equal(reflector(call, 1n, 1n, 1n), EPERM, call);
    assert.equal(reflector("ioctl", 3n, SUBMITURB), EPERM);
  });

  test(`${architecture}: with a driver in it, it asks the device what that one is granted, and nothing else`, () => {
    const inline = judge(reflectorFilter(architecture, PID, { requests: [Number(SUBMITURB)] }));
    assert.deepEqual(
      [inline("ioctl", 3n, SUBMITURB), inline("ioctl", 3n, SUBMITURB + 1n), inline("openat")],
      [ALLOW, EPERM, EPERM],
    );
  });

  test(`${architecture}: one that serves ublk disks enters its own ring and no other, and makes none`, () => {
    const RING = 23n;
    const serving = judge(reflectorFilter(architecture, PID, { ring: Number(RING) }));
    assert.deepEqual(
      ["io_uring_enter", "io_uring_setup", "io_uring_register"].map((call) => serving(call, RING)),
      [ALLOW, errno(38), errno(38)],
    );
    assert.equal(serving("io_uring_enter", RING + 1n), errno(38));
    assert.equal(reflector("io_uring_enter", RING), errno(38));
    assert.deepEqual([serving("pwrite64"), reflector("pwrite64")], [ALLOW, EPERM]);
  });

  test(`${architecture}: one that has input devices asks uinput for what they need, and nothing else; others ask nothing`, () => {
    const serving = judge(
      reflectorFilter(architecture, PID, { uinput: true, requests: [Number(SUBMITURB)] }),
    );
    const requests = Object.entries(reflectorRequests);
    for (const [name, request] of requests) {
      assert.equal(serving("ioctl", 3n, BigInt(request)), ALLOW, name);
      assert.equal(reflector("ioctl", 3n, BigInt(request)), EPERM, name);
    }
    assert.equal(requests.length, 18);
    assert.equal(serving("ioctl", 3n, SUBMITURB), ALLOW);
    // linux/uinput.h: UI_SET_ABSBIT, UI_SET_SNDBIT, UI_GET_VERSION; linux/input.h: EVIOCGRAB; asm-generic/ioctls.h: TIOCSTI
    for (const request of [0x40045567n, 0x4004556an, 0x8004552dn, 0x40044590n, 0x5412n])
      assert.equal(serving("ioctl", 3n, request), EPERM);
    assert.equal(serving("openat"), EPERM);
  });

  test(`${architecture}: ring3 makes rings of its own size, the event loop none`, () => {
    assert.equal(supervisor("io_uring_setup", BigInt(RING_ENTRIES)), ALLOW);
    for (const entries of [0n, 64n, 256n, BigInt(RING_ENTRIES) + 1n])
      assert.equal(supervisor("io_uring_setup", entries), errno(38));
  });

  test(`${architecture}: nobody in ring3 drives other processes, loads modules or sets clocks; bubblewrap can work`, () => {
    for (const call of [
      "ptrace",
      "process_vm_readv",
      "bpf",
      "finit_module",
      "reboot",
      "clock_settime",
      "keyctl",
    ])
      assert.equal(supervisor(call), EPERM, call);
    assert.equal(supervisor("io_uring_setup"), errno(38));
    for (const call of [
      "mount",
      "umount2",
      "pivot_root",
      "unshare",
      "setns",
      "clone",
      "execve",
      "setuid",
      "io_uring_enter",
    ])
      assert.equal(supervisor(call, 0x10000000n), ALLOW, call);
  });
}

test("a reflector ends in order, though another has changed the flags of the standard error that they share", async () => {
  const { read, write } = pipe();
  const child = spawn(process.execPath, ["stage-reflector.fixture.ts", "keeper"], {
    cwd: import.meta.dirname,
    stdio: ["pipe", "pipe", write.fd],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const exit = once(child, "exit");
  await Promise.race([once(child.stdout!, "data"), exit]);
  const shared = new Socket({ fd: write.fd, readable: false }); // the event loop makes it non-blocking
  child.stdin!.end("end");
  assert.deepEqual(await exit, [7, null]);
  shared.destroy();
  read.close();
});
