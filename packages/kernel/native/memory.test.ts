// Runs in: tests. Owns: shared memory of this process and workers that map it too.
import assert from "node:assert/strict";
import { once } from "node:events";
import { constants, readFileSync } from "node:fs";
import { constants as os } from "node:os";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { native } from "../native.ts";

const { errno } = os;
const SEAL_SHRINK = 2; // linux/fcntl.h
const SEAL_GROW = 4;
const SEAL_FUTURE_WRITE = 16;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function memfd(name: string, size: number): number {
  const fd = native.memfdCreate(name, true);
  assert.ok(fd >= 0);
  assert.equal(native.ftruncate(fd, size), 0);
  return fd;
}

function map(fd: number, size: number, writable: boolean): ArrayBuffer {
  const region = native.map(fd, size, writable);
  assert.ok(typeof region !== "number");
  return native.part(region, 0, size);
}

function mappings(name: string): number {
  return readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .filter((line) => line.includes(`memfd:${name} `)).length;
}

test("two mappings of one memfd show the same bytes", () => {
  const fd = memfd("ring3-same", 8192);
  const writer = new Uint8Array(map(fd, 8192, true));
  const reader = new Uint8Array(map(fd, 8192, false));
  writer[8191] = 42;
  assert.equal(reader[8191], 42);
  assert.equal(reader.length, 8192);
  native.close(fd);
});

test("a mapping outlives closing its descriptor", () => {
  const fd = memfd("ring3-outlive", 4096);
  const words = new Int32Array(map(fd, 4096, true));
  native.close(fd);
  Atomics.store(words, 1023, -7);
  assert.equal(Atomics.load(words, 1023), -7);
});

test("collecting the ArrayBuffer unmaps", async () => {
  const fd = memfd("ring3-collect", 4096);
  (() => assert.equal(map(fd, 4096, true).byteLength, 4096))();
  native.close(fd);
  assert.equal(mappings("ring3-collect"), 1);
  for (let round = 0; round < 20 && mappings("ring3-collect") > 0; round++) {
    await turn(); // the finalizer runs on the loop
    collect();
  }
  assert.equal(mappings("ring3-collect"), 0);
});

test("a view keeps the mapping", async () => {
  const fd = memfd("ring3-view", 4096);
  const view = new Uint8Array(map(fd, 4096, true), 100, 1);
  native.close(fd);
  for (let round = 0; round < 5; round++) {
    await turn();
    collect();
  }
  assert.equal(mappings("ring3-view"), 1);
  view[0] = 1;
  assert.equal(view[0], 1);
});

test("sealed memory can be neither truncated, grown, written nor mapped writable by who has the descriptor", () => {
  const fd = memfd("ring3-sealed", 4096);
  const words = new Int32Array(map(fd, 4096, true));
  assert.equal(native.addSeals(fd, SEAL_SHRINK | SEAL_GROW | SEAL_FUTURE_WRITE), 0);
  const peer = native.open(`/proc/self/fd/${fd}`, constants.O_RDWR, 0);
  assert.ok(peer >= 0);
  assert.equal(native.getSeals(peer), SEAL_SHRINK | SEAL_GROW | SEAL_FUTURE_WRITE);
  assert.equal(native.ftruncate(peer, 0), -errno.EPERM);
  assert.equal(native.ftruncate(peer, 8192), -errno.EPERM);
  assert.equal(native.write(peer, new Uint8Array(1)), -errno.EPERM);
  assert.equal(native.map(peer, 4096, true), -errno.EPERM);
  const reader = new Int32Array(map(peer, 4096, false));
  words[5] = 77;
  assert.equal(reader[5], 77);
  native.close(peer);
  native.close(fd);
});

test("a memfd made without sealing takes no seals, and a pipe has none", () => {
  const fd = native.memfdCreate("ring3-plain", false);
  const ends = new Int32Array(2);
  native.pipe(ends);
  assert.equal(native.addSeals(fd, SEAL_SHRINK), -errno.EPERM);
  assert.equal(native.getSeals(ends[0]!), -errno.EINVAL);
  for (const open of [fd, ...ends]) native.close(open);
});

test("mapping nothing, too much, or what cannot be mapped fails", () => {
  const ends = new Int32Array(2);
  native.pipe(ends);
  assert.throws(() => native.map(ends[0]!, 0, true), TypeError);
  assert.throws(() => native.map(ends[0]!, 2 ** 32 + 1, true), TypeError);
  assert.equal(native.map(ends[0]!, 4096, false), -errno.ENODEV);
  assert.equal(native.map(-1, 4096, false), -errno.EBADF);
  for (const end of ends) native.close(end);
});

test("parts are places in one mapping, which lasts as long as any of them", async () => {
  const fd = memfd("ring3-parts", 3 * 4096);
  const whole = new Uint8Array(map(fd, 3 * 4096, true));
  const reader = native.map(fd, 3 * 4096, false);
  assert.ok(typeof reader !== "number");
  native.close(fd);
  for (const [offset, length] of [
    [-1, 1],
    [0, 0],
    [0, 3 * 4096 + 1],
    [3 * 4096, 1],
    [4096, 2 * 4096 + 1],
  ] as const)
    assert.throws(() => native.part(reader, offset, length), TypeError);
  assert.throws(() => native.part({} as never, 0, 1), TypeError);
  let first: Uint8Array | undefined = new Uint8Array(native.part(reader, 0, 10));
  const last = new Uint8Array(native.part(reader, 4096, 2 * 4096));
  whole[4096] = 7;
  whole[3 * 4096 - 1] = 9;
  assert.deepEqual([first[0], last[0], last.at(-1)], [0, 7, 9]);
  first = undefined;
  collect();
  await turn();
  whole[4096] = 8;
  assert.equal(last[0], 8);
});

test("a memfd name beyond 249 bytes is ENAMETOOLONG", () => {
  assert.equal(native.memfdCreate("n".repeat(250), true), -errno.ENAMETOOLONG);
});

test("futexWait answers EAGAIN for another value and ETIMEDOUT for nobody waking", () => {
  const words = new Int32Array(4);
  assert.equal(native.futexWait(words, 3, 1, 1000), -errno.EAGAIN);
  assert.equal(native.futexWait(words, 3, 0, 1), -errno.ETIMEDOUT);
  assert.equal(native.futexWake(words, 3, 1), 0);
  assert.throws(() => native.futexWait(words, 4, 0, 1), TypeError);
  assert.throws(() => native.futexWait(words, -1, 0, 1), TypeError);
  assert.throws(() => native.futexWait(words, 0, 0, 60_001), TypeError);
});

test("futexWake wakes a thread that waits on another, read-only mapping", async () => {
  const fd = memfd("ring3-futex", 4096);
  const words = new Int32Array(map(fd, 4096, true));
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
     import(workerData.native).then(({ native }) => {
       const words = new Int32Array(native.part(native.map(workerData.fd, 4096, false), 0, 4096));
       parentPort.postMessage("ready");
       parentPort.postMessage(native.futexWait(words, 9, 0, 20000));
     });`,
    { eval: true, workerData: { fd, native: import.meta.resolve("../native.ts") } },
  );
  await once(worker, "message");
  while (native.futexWake(words, 9, 1) === 0) await turn();
  assert.deepEqual(await once(worker, "message"), [0]);
  await worker.terminate();
  native.close(fd);
});

test("unmapped code comes back page by page, as it is run", () => {
  const mappedFiles = () => Number(/RssFile:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))![1]);
  const before = mappedFiles();
  assert.ok(native.unmapCode() > 0);
  const after = mappedFiles();
  assert.ok(after < 0.75 * before, `${before} kB before, ${after} kB after`);
});
