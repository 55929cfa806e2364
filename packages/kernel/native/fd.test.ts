// Runs in: tests. Owns: descriptors of this process, all closed again.
import assert from "node:assert/strict";
import { constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { native } from "../native.ts";

const { errno } = (await import("node:os")).constants;
const FIONREAD = 0x541b; // asm-generic/ioctls.h
const TCFLSH = 0x540b;
const USBDEVFS_GET_CAPABILITIES = 0x8004551a; // linux/usbdevice_fs.h: _IOR('U', 26, __u32)

function pipe(): { read: number; write: number } {
  const ends = new Int32Array(2);
  assert.equal(native.pipe(ends), 0);
  return { read: ends[0]!, write: ends[1]! };
}

function flagsOf(fd: number): number {
  return Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))![1]!, 8);
}

const withArguments = Object.keys(native).filter(
  (name) => !["ueventSocket", "genericNetlink", "unmapCode"].includes(name),
);
for (const name of withArguments)
  test(`${name} without arguments is a TypeError that names it`, () => {
    const call = native[name as keyof typeof native] as () => unknown;
    assert.throws(call, { name: "TypeError", message: new RegExp(`^${name}: argument 1 must be `) });
  });

for (const number of ["1", 1.5, Number.NaN, 2 ** 31, -(2 ** 31) - 1, Number.POSITIVE_INFINITY, 1n, null])
  test(`a descriptor of ${typeof number} ${number} is a TypeError`, () => {
    assert.throws(() => native.close(number as number), TypeError);
  });

for (const bytes of [
  new Int8Array(4),
  new Uint16Array(4),
  new DataView(new ArrayBuffer(4)),
  [1, 2],
  "text",
  undefined,
])
  test(`${Object.prototype.toString.call(bytes)} for a Uint8Array is a TypeError`, () => {
    assert.throws(() => native.read(0, bytes as unknown as Uint8Array), TypeError);
  });

test("a text with NUL is a TypeError", () => {
  assert.throws(() => native.open("/dev/null\0x", constants.O_RDONLY, 0), TypeError);
});

test("a text longer than a path is ENAMETOOLONG", () => {
  assert.equal(native.open("/".repeat(5000), constants.O_RDONLY, 0), -errno.ENAMETOOLONG);
});

test("pipe ends are non-blocking and close-on-exec", () => {
  const { read, write } = pipe();
  const wanted = constants.O_NONBLOCK | 0o2000000; // O_CLOEXEC
  assert.equal(flagsOf(read) & wanted, wanted);
  assert.equal(flagsOf(write) & wanted, wanted);
  assert.equal(native.read(read, new Uint8Array(1)), -errno.EAGAIN);
  native.close(read);
  native.close(write);
});

test("what is written is read, and a pipe without a reader is EPIPE", () => {
  const { read, write } = pipe();
  const into = new Uint8Array(8);
  assert.equal(native.write(write, Uint8Array.of(1, 2, 3)), 3);
  assert.equal(native.read(read, into), 3);
  assert.deepEqual([...into], [1, 2, 3, 0, 0, 0, 0, 0]);
  native.close(read);
  assert.equal(native.write(write, Uint8Array.of(1)), -errno.EPIPE);
  native.close(write);
});

test("a Buffer's bytes are those of its part of the pool", () => {
  const { read, write } = pipe();
  assert.equal(native.write(write, Buffer.from("xhello").subarray(1)), 5);
  const into = Buffer.alloc(9, ".");
  assert.equal(native.read(read, into.subarray(2)), 5);
  assert.equal(into.toString(), "..hello..");
  native.close(read);
  native.close(write);
});

test("closing twice is EBADF", () => {
  const { read, write } = pipe();
  assert.equal(native.close(read), 0);
  assert.equal(native.close(read), -errno.EBADF);
  native.close(write);
});

test("a duplicate is close-on-exec and outlives the original", () => {
  const { read, write } = pipe();
  const copy = native.dup(write);
  assert.ok(copy >= 0);
  native.close(write);
  assert.notEqual(flagsOf(copy) & 0o2000000, 0);
  assert.equal(native.write(copy, Uint8Array.of(9)), 1);
  native.close(copy);
  native.close(read);
  assert.equal(native.dup(-1), -errno.EBADF);
});

test("files: open, size, pread at offsets up to 2^53-1, lock", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "ring3-fd-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "file");
  writeFileSync(path, "0123456789");
  const fd = native.open(path, constants.O_RDWR, 0);
  const other = native.open(path, constants.O_RDWR, 0);
  const into = new Uint8Array(4);
  assert.equal(native.fileSize(fd), 10);
  assert.equal(native.pread(fd, into, 8), 2);
  assert.equal(native.pread(fd, into, Number.MAX_SAFE_INTEGER), 0);
  assert.throws(() => native.pread(fd, into, Number.MAX_SAFE_INTEGER + 1), TypeError);
  assert.throws(() => native.pread(fd, into, -1), TypeError);
  assert.equal(native.ftruncate(fd, 5_000_000_000), 0);
  assert.equal(native.fileSize(other), 5_000_000_000);
  assert.equal(native.flock(fd), 0);
  assert.equal(native.flock(other), -errno.EAGAIN);
  native.close(fd);
  assert.equal(native.flock(other), 0);
  native.close(other);
  assert.equal(native.open(join(directory, "none"), constants.O_RDONLY, 0), -errno.ENOENT);
});

test("ioctl with memory fills it, with a number passes it, on the wrong file is ENOTTY", () => {
  const { read, write } = pipe();
  const count = new Uint8Array(4);
  native.write(write, new Uint8Array(300));
  assert.equal(native.ioctl(read, FIONREAD, count), 0);
  assert.equal(new DataView(count.buffer).getUint32(0, true), 300);
  assert.equal(native.ioctl(read, TCFLSH, 2), -errno.ENOTTY);
  assert.equal(native.ioctl(read, USBDEVFS_GET_CAPABILITIES, count), -errno.ENOTTY);
  native.close(read);
  native.close(write);
});

test("ioctl memory smaller than the request's number says is a TypeError", () => {
  assert.throws(() => native.ioctl(0, USBDEVFS_GET_CAPABILITIES, new Uint8Array(3)), TypeError);
});
