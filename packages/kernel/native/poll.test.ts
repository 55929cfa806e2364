// Runs in: tests. Owns: pipes watched by this loop; child processes and workers that end in the middle of a watch.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { native, type PollHandle } from "../native.ts";

const { errno } = constants;
const READABLE = 1;
const WRITABLE = 2;
const DISCONNECT = 4;
const byte = Uint8Array.of(1);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function pipe(): { read: number; write: number } {
  const ends = new Int32Array(2);
  assert.equal(native.pipe(ends), 0);
  return { read: ends[0]!, write: ends[1]! };
}

function start(fd: number, events: number, callback: (ready: number) => void): PollHandle {
  const handle = native.pollStart(fd, events, callback);
  assert.equal(typeof handle, "object");
  return handle as PollHandle;
}

/** Runs a script with `native` and a fresh pipe `read`, `write` in scope in a process of its own. */
const run = promisify(execFile);
const prelude = `const { native } = await import(${JSON.stringify(import.meta.resolve("../native.ts"))});
  const ends = new Int32Array(2); native.pipe(ends); const [read, write] = ends;`;
const script = (body: string) => run(process.execPath, ["--input-type=module", "-e", `${prelude}\n${body}`]);

test("a pipe with a byte in it is readable until it is read", async () => {
  const { read, write } = pipe();
  const seen: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const handle = start(read, READABLE, (ready) => {
    seen.push(ready);
    if (seen.length === 2) resolve();
  });
  native.write(write, byte);
  await promise;
  native.pollStop(handle);
  assert.deepEqual(seen, [READABLE, READABLE]);
  native.close(read);
  native.close(write);
});

test("pollSet changes what is watched for", async () => {
  const ends = new Int32Array(2);
  native.socketpair(ends);
  const [a, b] = ends as unknown as [number, number];
  const { promise, resolve } = Promise.withResolvers<number>();
  const handle = start(a, 0, resolve);
  await turn();
  assert.equal(native.pollSet(handle, WRITABLE), 0);
  assert.equal(await promise, WRITABLE);
  native.pollStop(handle);
  native.close(a);
  native.close(b);
});

test("a peer that hangs up is a disconnect", async () => {
  const ends = new Int32Array(2);
  native.socketpair(ends);
  const { promise, resolve } = Promise.withResolvers<number>();
  const handle = start(ends[0]!, DISCONNECT, resolve);
  native.close(ends[1]!);
  assert.equal(await promise, DISCONNECT);
  native.pollStop(handle);
  native.close(ends[0]!);
});

test("an error condition is everything at once", async () => {
  const { read, write } = pipe();
  const { promise, resolve } = Promise.withResolvers<number>();
  const handle = start(write, 0, resolve);
  native.close(read);
  native.pollSet(handle, WRITABLE);
  assert.equal(await promise, READABLE | WRITABLE | DISCONNECT);
  native.pollStop(handle);
  native.close(write);
});

test("a descriptor watched already is EEXIST, a closed one EBADF, a plain file EPERM", () => {
  const { read, write } = pipe();
  const handle = start(read, READABLE, () => {});
  assert.equal(
    native.pollStart(read, READABLE, () => {}),
    -errno.EEXIST,
  );
  native.pollStop(handle);
  native.close(read);
  assert.equal(
    native.pollStart(read, READABLE, () => {}),
    -errno.EBADF,
  );
  assert.equal(
    native.pollStart(-1, READABLE, () => {}),
    -errno.EBADF,
  );
  native.close(write);
  const file = native.memfdCreate("ring3-file", false);
  assert.equal(
    native.pollStart(file, READABLE, () => {}),
    -errno.EPERM,
  );
  native.close(file);
});

test("closed before it is stopped, its stop is an error, and nothing comes of what still happens there", async () => {
  const { read, write } = pipe();
  const kept = native.dup(read); // the pipe lives on
  let calls = 0;
  const handle = start(read, READABLE, () => calls++);
  native.close(read);
  assert.equal(native.pollStop(handle), -errno.EBADF);
  const other = pipe(); // has nothing; its callback takes the place in memory that the stopped one's had
  const otherHandle = start(other.read, READABLE, () => calls++);
  native.write(write, byte);
  for (let round = 0; round < 5; round++) await turn();
  assert.equal(calls, 0);
  native.pollStop(otherHandle);
  for (const fd of [kept, write, other.read, other.write]) native.close(fd);
});

test("pollStop in its own callback, twice, then close: the descriptor's number can be watched again at once", async () => {
  const first = pipe();
  native.write(first.write, byte);
  const stopped = Promise.withResolvers<void>();
  const handle = start(first.read, READABLE, () => {
    assert.equal(native.pollStop(handle), 0);
    assert.equal(native.pollStop(handle), 0);
    native.close(first.read);
    stopped.resolve();
  });
  await stopped.promise;
  native.close(first.write);
  const second = pipe();
  assert.equal(second.read, first.read);
  const ready = Promise.withResolvers<void>();
  const again = start(second.read, READABLE, () => ready.resolve());
  native.write(second.write, byte);
  await ready.promise;
  native.pollStop(again);
  assert.equal(native.pollSet(again, READABLE), -errno.EBADF);
  assert.equal(native.pollRef(again, true), -errno.EBADF);
  native.close(second.read);
  native.close(second.write);
});

test("a handle stopped by another's callback in the same turn is not called any more", async () => {
  const one = pipe();
  const two = pipe();
  const calls: string[] = [];
  const first = start(one.read, READABLE, () => {
    calls.push("one");
    native.pollStop(first);
    native.pollStop(second);
  });
  const second = start(two.read, READABLE, () => {
    calls.push("two");
    native.pollStop(first);
    native.pollStop(second);
  });
  native.write(one.write, byte);
  native.write(two.write, byte);
  for (let round = 0; round < 5; round++) await turn();
  assert.equal(calls.length, 1);
  for (const fd of [one.read, one.write, two.read, two.write]) native.close(fd);
});

test("a watch whose handle was collected goes on", async () => {
  const { read, write } = pipe();
  let calls = 0;
  (() => {
    const handle = start(read, READABLE, () => calls++);
    native.pollRef(handle, false); // nothing could stop it, at the end of the tests either
  })();
  for (let round = 0; round < 5; round++) {
    await turn();
    collect();
  }
  native.write(write, byte);
  while (calls === 0) await turn();
  assert.equal(native.read(read, new Uint8Array(1)), 1);
});

test("wrong arguments are TypeErrors", () => {
  const { read, write } = pipe();
  const usbfs = native.usbfsOpen(native.dup(read));
  assert.throws(() => native.pollStart(read, 8, () => {}), TypeError);
  assert.throws(() => native.pollStart(read, READABLE, {} as () => void), TypeError);
  assert.throws(() => native.pollStop({} as PollHandle), TypeError);
  assert.throws(() => native.pollStop(usbfs as unknown as PollHandle), TypeError);
  native.close(read);
  native.close(write);
});

test("an exception in the callback is an uncaughtException, and promises it settled go on", async () => {
  const { stdout } = await script(`
    process.on("uncaughtException", (error) => console.log("uncaught", error.message));
    const handle = native.pollStart(read, 1, () => {
      native.pollStop(handle);
      Promise.resolve().then(() => console.log("promise"));
      throw new Error("from the callback");
    });
    native.write(write, new Uint8Array(1));`);
  assert.deepEqual(stdout.trim().split("\n").sort(), ["promise", "uncaught from the callback"]);
});

test("an exception in the callback that nobody catches ends the process with code 1", async () => {
  const dead = script(
    `native.pollStart(read, 1, () => { throw new Error("nobody"); }); native.write(write, new Uint8Array(1));`,
  );
  await assert.rejects(dead, { code: 1, stderr: /Error: nobody/ });
});

test("process.exit in the callback, with other watches open, is a clean exit", async () => {
  const { stdout } = await script(`
    for (let i = 0; i < 5; i++) { native.pipe(ends); native.pollStart(ends[0], 1, () => {}); }
    process.on("exit", () => console.log("bye"));
    native.pollStart(read, 1, () => process.exit(0));
    native.write(write, new Uint8Array(1));`);
  assert.equal(stdout, "bye\n");
});

test("an unreferenced watch does not keep the process", async () => {
  await script("native.pollRef(native.pollStart(read, 1, () => {}), false);");
});

test("a watch for nothing does not keep the process", async () => {
  await script(`native.pollStart(read, 0, () => {});
    native.pipe(ends); native.pollSet(native.pollStart(ends[0], 1, () => {}), 0);`);
});

/** Starts a worker that watches a pipe, makes it readable unless told not to, and does `then` in the callback. */
function watching(then: string, readable = true): Worker {
  return new Worker(
    new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort } from "node:worker_threads";
        ${prelude}
        native.pollStart(read, 1, () => { ${then} });
        ${readable ? "native.write(write, new Uint8Array(1));" : 'parentPort.postMessage("waiting");'}`)}`,
    ),
  );
}

test("a worker that is terminated while it waits leaves the process whole", async () => {
  const worker = watching("", false);
  assert.deepEqual(await once(worker, "message"), ["waiting"]);
  assert.equal(await worker.terminate(), 1);
});

test("a worker that is terminated while its callback runs leaves the process whole", async () => {
  const worker = watching('parentPort.postMessage("in callback"); while (true);');
  assert.deepEqual(await once(worker, "message"), ["in callback"]);
  assert.equal(await worker.terminate(), 1);
});

test("a worker that exits in its callback leaves the process whole", async () => {
  const worker = watching("process.exit(7);");
  assert.deepEqual(await once(worker, "exit"), [7]);
});

test("a worker that throws in its callback leaves the process whole, which hears of it", async () => {
  const worker = watching('throw new Error("in a worker");');
  const exit = new Promise((ended) => worker.once("exit", ended));
  const [error] = await once(worker, "error");
  assert.equal(error.message, "in a worker");
  assert.equal(await exit, 1);
});
