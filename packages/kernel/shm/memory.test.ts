// Runs in: tests. Owns: sealed memory, and tries to break it with its own descriptor as a peer would.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Descriptor, duplicate, pipe } from "../fd/descriptor.ts";
import { native } from "../native.ts";
import { createShared, mapFixed, mapPeer, mapReadOnly, readOnly, readSealed, sealedFile } from "./memory.ts";

// asm-generic/errno-base.h
const EPERM = 1;
const EBADF = 9;
const EACCES = 13;
const SHRINK = 2; // linux/fcntl.h
const GROW = 4;
const FUTURE_WRITE = 16;

test("what the writer stores the peer sees, also after both descriptors are closed", () => {
  const memory = createShared("ring3-test", 10000);
  memory.seal();
  const handed = duplicate(memory.fd.fd);
  const peer = mapPeer(handed.fd, 10000);
  memory.fd.close();
  handed.close();
  new Uint32Array(memory.buffer)[7] = 0xdeadbeef;
  assert.equal(new Uint32Array(peer.buffer)[7], 0xdeadbeef);
  assert.equal(peer.size, 10000);
  assert.equal(peer.buffer.byteLength, 10000);
});

test("sealed memory refuses truncation, growth, writing, a writable map and further seals", () => {
  const { fd, seal } = createShared("ring3-test", 4096);
  seal();
  assert.equal(native.ftruncate(fd.fd, 0), -EPERM);
  assert.equal(native.ftruncate(fd.fd, 8192), -EPERM);
  assert.equal(native.write(fd.fd, new Uint8Array(1)), -EPERM);
  assert.equal(native.map(fd.fd, 4096, true), -EPERM);
  assert.equal(native.addSeals(fd.fd, 8), -EPERM);
  fd.close();
});

for (const [what, seals] of [
  ["none", 0],
  ["no SHRINK", GROW | FUTURE_WRITE],
  ["no GROW", SHRINK | FUTURE_WRITE],
  ["no FUTURE_WRITE", SHRINK | GROW],
] as const)
  test(`a peer's memory with seals: ${what} is a protocol error`, () => {
    const { fd } = createShared("ring3-test", 4096);
    native.addSeals(fd.fd, seals);
    assert.throws(() => mapPeer(fd.fd, 4096), { kind: "protocol", message: /expected seals 0x16/ });
    fd.close();
  });

test("a peer's memory that is too large, empty or no memory at all is a protocol error", () => {
  const large = createShared("ring3-test", 4097);
  large.seal();
  assert.throws(() => mapPeer(large.fd.fd, 4096), {
    kind: "protocol",
    message: /1 to 4096 bytes, found 4097/,
  });
  large.fd.close();
  const empty = new Descriptor(native.memfdCreate("ring3-empty", true));
  native.addSeals(empty.fd, SHRINK | GROW | FUTURE_WRITE);
  assert.throws(() => mapPeer(empty.fd, 4096), { kind: "protocol" });
  empty.close();
  const { read, write } = pipe();
  assert.throws(() => mapPeer(read.fd, 4096), { kind: "protocol", message: /a file that takes none/ });
  read.close();
  write.close();
});

test("memory of fixed size is written by both sides and resized by neither", () => {
  const memory = createShared("ring3-test", 4096);
  assert.throws(() => mapFixed(memory.fd.fd, 4096), { kind: "protocol" });
  memory.sealSize();
  const other = new Uint8Array(mapFixed(memory.fd.fd, 4096).buffer);
  other[0] = 5;
  assert.equal(new Uint8Array(memory.buffer)[0], 5);
  assert.equal(native.ftruncate(memory.fd.fd, 0), -EPERM);
  assert.throws(() => mapFixed(memory.fd.fd, 8192), { kind: "protocol", message: /8192 bytes, found 4096/ });
  assert.throws(() => mapFixed(memory.fd.fd, 100), { kind: "protocol" });
  memory.fd.close();
});

test("memory of no size is an error and leaves no descriptor", () => {
  const probe = duplicate(0);
  const next = probe.fd;
  probe.close();
  assert.throws(() => createShared("ring3-test", 0), TypeError);
  assert.throws(() => createShared("ring3-test", -1), TypeError);
  const again = duplicate(0);
  assert.equal(again.fd, next);
  again.close();
});

test("a sealed file reads as it was written and can never change", () => {
  const bytes = new Uint8Array(300_000).map((_, index) => index * 7);
  const file = sealedFile("ring3-code", bytes);
  assert.deepEqual(readSealed(file.fd), bytes);
  assert.equal(native.write(file.fd, bytes), -EPERM);
  assert.equal(native.ftruncate(file.fd, 0), -EPERM);
  assert.equal(native.map(file.fd, 4096, true), -EPERM);
  file.close();
  const nothing = sealedFile("ring3-code", new Uint8Array(0));
  assert.equal(readSealed(nothing.fd).length, 0);
  nothing.close();
});

test("a file that its writer could still change, or of more than 64 MiB, is not read", () => {
  const memory = createShared("ring3-test", 4096);
  memory.seal();
  assert.throws(() => readSealed(memory.fd.fd), { kind: "protocol" });
  memory.fd.close();
  const huge = new Descriptor(native.memfdCreate("ring3-huge", true));
  native.ftruncate(huge.fd, (64 << 20) + 1);
  native.addSeals(huge.fd, SHRINK | GROW | 8);
  assert.throws(() => readSealed(huge.fd), { kind: "protocol", message: /at most 67108864/ });
  huge.close();
});

test("memory lent for reading shows what is written, and cannot be written", () => {
  const memory = createShared("ring3-test", 4096);
  memory.sealSize();
  const lent = readOnly(memory.fd.fd);
  const { buffer } = mapReadOnly(lent.fd, 4096);
  new Uint32Array(memory.buffer)[3] = 7;
  assert.equal(new Uint32Array(buffer)[3], 7);
  assert.equal(native.map(lent.fd, 4096, true), -EACCES);
  assert.equal(native.write(lent.fd, new Uint8Array(1)), -EBADF);
  assert.throws(() => mapReadOnly(lent.fd, 8192), { kind: "protocol", message: /expected 8192 bytes/ });
  for (const fd of [lent, memory.fd]) fd.close();
});
