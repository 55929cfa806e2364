// Runs in: tests. Owns: rings of io_uring of this kernel; commands go to sockets, which know none of such a number.
import assert from "node:assert/strict";
import { test } from "node:test";
import { native, type RingHandle } from "../native.ts";
import { socketPair } from "../socket/unix.ts";
import { CommandRing, RING_ENTRIES } from "./ring.ts";

const EACCES = 13;
const EBADF = 9;
const EINVAL = 22;
const EOPNOTSUPP = 95;
const NO_SUCH_OPERATION = 0xffff;

const nothing = () => {};

test("each command's result is told with its id, more of them than the queue has room for", () => {
  const ring = new CommandRing(false);
  const [near, far] = socketPair();
  const results = new Map<number, number>();
  for (let id = 1; id <= 3 * RING_ENTRIES; id++)
    ring.push({ descriptor: near.fd, operation: NO_SUCH_OPERATION, id }, nothing);
  ring.flush();
  ring.reap((id, result) => results.set(id, result));
  assert.equal(results.size, 3 * RING_ENTRIES);
  assert.deepEqual(new Set(results.values()), new Set([-EOPNOTSUPP]));
  ring.close();
  for (const end of [near, far]) end.close();
});

test("a command to a descriptor that is not open fails as such", () => {
  const ring = new CommandRing(true);
  const told: number[][] = [];
  ring.push({ descriptor: 12_345, operation: 1, id: 2 ** 32 - 1 }, nothing);
  ring.flush(new Uint8Array(8));
  ring.reap((...one) => told.push(one));
  assert.deepEqual(told, [[2 ** 32 - 1, -EBADF]]);
  ring.close();
});

test("a ring takes no other operation than commands, and no flags", () => {
  const ring = native.uringOpen(8, 16, false) as RingHandle;
  const out = new Int32Array(2);
  const entry = new Uint8Array(64);
  for (const [opcode, flags] of [
    [0, 0], // IORING_OP_NOP
    [18, 0], // IORING_OP_OPENAT
    [46, 1], // IORING_OP_URING_CMD with IOSQE_FIXED_FILE
  ]) {
    entry.set([opcode!, flags!]);
    assert.equal(native.uringSubmit(ring, entry, null), 1);
    assert.equal(native.uringReap(ring, out), 1);
    assert.equal(out[1], -EACCES);
  }
  native.uringClose(ring);
});

test("what is no whole number of entries, or too many, is refused; a closed ring takes nothing", () => {
  const ring = native.uringOpen(8, 16, false) as RingHandle;
  for (const length of [0, 63, 65, 64 * 9])
    assert.equal(native.uringSubmit(ring, new Uint8Array(length), null), -EINVAL);
  assert.equal(native.uringClose(ring), 0);
  assert.equal(native.uringClose(ring), 0);
  assert.equal(native.uringSubmit(ring, new Uint8Array(64), null), -EBADF);
  assert.equal(native.uringReap(ring, new Int32Array(2)), -EBADF);
  assert.throws(() => native.uringReap({} as RingHandle, new Int32Array(2)), TypeError);
});
