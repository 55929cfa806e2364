// Runs in: tests. Owns: socket pairs of this process; counts its descriptors.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { native } from "../native.ts";

const { errno } = constants;

function socketpair(): [number, number] {
  const ends = new Int32Array(2);
  assert.equal(native.socketpair(ends), 0);
  return [ends[0]!, ends[1]!];
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

function closeAll(...fds: number[]): void {
  for (const fd of fds) assert.equal(native.close(fd), 0);
}

test("several buffers and descriptors arrive in one message", () => {
  const [a, b] = socketpair();
  const pipe = new Int32Array(2);
  native.pipe(pipe);
  const sent = native.sendmsg(a, [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)], [...pipe]);
  assert.equal(sent, 3);
  const into = new Uint8Array(10);
  const fds = new Int32Array(5);
  assert.equal(native.recvmsg(b, into, fds), 3);
  assert.deepEqual([...into.subarray(0, 3)], [1, 2, 3]);
  assert.equal(fds[0], 2);
  native.write(fds[2]!, Uint8Array.of(9));
  assert.equal(native.read(pipe[0]!, into), 1);
  closeAll(...pipe, fds[1]!, fds[2]!, a, b);
});

for (const [sent, room] of [
  [2, 1],
  [3, 2],
  [4, 2],
  [1, 0],
  [253, 252],
] as const)
  test(`${sent} descriptors with room for ${room} is EMSGSIZE and leaks none`, () => {
    const before = openDescriptors();
    const [a, b] = socketpair();
    const fds = new Int32Array(1 + room);
    assert.equal(native.sendmsg(a, [Uint8Array.of(1)], Array(sent).fill(0)), 1);
    assert.equal(native.recvmsg(b, new Uint8Array(1), fds), -errno.EMSGSIZE);
    assert.equal(fds[0], 0);
    closeAll(a, b);
    assert.equal(openDescriptors(), before);
  });

test("as many descriptors as there is room for arrive close-on-exec, up to the kernel's 253", () => {
  const [a, b] = socketpair();
  const fds = new Int32Array(300);
  assert.equal(native.sendmsg(a, [Uint8Array.of(1)], Array(253).fill(a)), 1);
  assert.equal(native.recvmsg(b, new Uint8Array(1), fds), 1);
  assert.equal(fds[0], 253);
  closeAll(...fds.subarray(1, 254), a, b);
});

test("more than 253 descriptors, more than 64 buffers, and what is neither are TypeErrors", () => {
  const [a, b] = socketpair();
  const one = Uint8Array.of(1);
  assert.throws(() => native.sendmsg(a, [one], Array(254).fill(0)), TypeError);
  assert.throws(() => native.sendmsg(a, Array(65).fill(one), []), TypeError);
  assert.throws(() => native.sendmsg(a, [one], [-1]), TypeError);
  assert.throws(() => native.sendmsg(a, [one], [1.5]), TypeError);
  assert.throws(() => native.sendmsg(a, [[1] as unknown as Uint8Array], []), TypeError);
  assert.throws(() => native.sendmsg(a, one as unknown as Uint8Array[], []), TypeError);
  assert.throws(() => native.recvmsg(a, one, new Int32Array(0)), TypeError);
  assert.equal(native.read(b, one), -errno.EAGAIN);
  closeAll(a, b);
});

test("an array whose element throws passes that error on and sends nothing", () => {
  const [a, b] = socketpair();
  const trap = [Uint8Array.of(1)];
  Object.defineProperty(trap, 0, {
    get() {
      throw new RangeError("trap");
    },
  });
  assert.throws(() => native.sendmsg(a, trap, []), { message: "trap" });
  assert.equal(native.read(b, new Uint8Array(1)), -errno.EAGAIN);
  closeAll(a, b);
});

test("sending a closed descriptor is EBADF, and nothing arrives", () => {
  const [a, b] = socketpair();
  assert.equal(native.sendmsg(a, [Uint8Array.of(1)], [99999]), -errno.EBADF);
  assert.equal(native.read(b, new Uint8Array(1)), -errno.EAGAIN);
  closeAll(a, b);
});

test("a full socket is EAGAIN and a hung-up one EPIPE, without a signal", () => {
  const [a, b] = socketpair();
  const chunk = new Uint8Array(1 << 16);
  while (native.sendmsg(a, [chunk], []) > 0);
  assert.equal(native.sendmsg(a, [chunk], []), -errno.EAGAIN);
  native.close(b);
  assert.equal(native.sendmsg(a, [chunk], []), -errno.EPIPE);
  native.close(a);
});

test("shutdown for writing is end of file to the peer", () => {
  const [a, b] = socketpair();
  assert.equal(native.shutdown(a, 1), 0);
  assert.equal(native.read(b, new Uint8Array(1)), 0);
  assert.throws(() => native.shutdown(a, 3), TypeError);
  closeAll(a, b);
});

test("a listening path has its mode, accepts, and tells who connects", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "ring3-socket-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "s");
  const listener = native.listenUnix(path, 5, 0o600);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(native.listenUnix(path, 5, 0o600), -errno.EADDRINUSE);
  assert.equal(native.accept(listener), -errno.EAGAIN);
  const client = native.connectUnix(path);
  const server = native.accept(listener);
  assert.ok(server >= 0);
  const peer = new Int32Array(3);
  assert.equal(native.peerCredentials(server, peer), 0);
  assert.deepEqual([...peer], [process.pid, process.getuid!(), process.getgid!()]);
  closeAll(listener);
  assert.equal(native.connectUnix(path), -errno.ECONNREFUSED);
  assert.equal(native.connectUnix(join(directory, "none")), -errno.ENOENT);
  closeAll(client, server);
});

test("a path of 108 bytes is ENAMETOOLONG and an empty one ENOENT, and no descriptor is left", () => {
  const before = openDescriptors();
  assert.equal(native.listenUnix("p".repeat(108), 5, 0o600), -errno.ENAMETOOLONG);
  assert.equal(native.connectUnix("p".repeat(108)), -errno.ENAMETOOLONG);
  assert.equal(native.listenUnix("", 5, 0o600), -errno.ENOENT);
  assert.equal(native.listenUnix("/nowhere/s", 5, 0o600), -errno.ENOENT);
  assert.equal(openDescriptors(), before);
});

test("recvUevent answers 0 for a message that the kernel's netlink did not send", () => {
  const [a, b] = socketpair();
  native.write(a, new TextEncoder().encode("add@/devices/x\0ACTION=add\0"));
  assert.equal(native.recvUevent(b, new Uint8Array(100)), 0);
  assert.equal(native.recvUevent(b, new Uint8Array(100)), -errno.EAGAIN);
  closeAll(a, b);
});
