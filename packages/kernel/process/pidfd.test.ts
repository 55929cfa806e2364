// Runs in: tests. Owns: child processes, each ended by the test that started it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, release, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  childrenOf,
  cpuMs,
  dataBytes,
  openPidfd,
  openThread,
  privateBytes,
  processState,
  traced,
} from "./pidfd.ts";

const { SIGKILL, SIGSTOP } = constants.signals;

test("a killed process has exited, and cannot be signalled again", async () => {
  const child = spawn("sleep", ["60"]);
  const reaped = once(child, "exit");
  const pidfd = openPidfd(child.pid!);
  assert.equal(pidfd.signal(SIGKILL), true);
  await pidfd.exited;
  await reaped;
  assert.equal(pidfd.signal(SIGKILL), false);
  assert.equal(processState(child.pid!), "dead");
  pidfd.close();
  await pidfd.exited;
});

test("a thread of a killed process has ended with it; a process of one thread has none to tell", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000); console.log()"]);
  const reaped = once(child, "exit");
  await once(child.stdout, "data");
  const thread = openThread(child.pid!);
  child.kill(SIGKILL);
  if (thread !== undefined || isAtLeast(6, 9)) await thread!.exited;
  thread?.close();
  await reaped;
  assert.equal(openThread(child.pid!), undefined);
  const single = spawn("sleep", ["60"]);
  assert.equal(openThread(single.pid!), undefined);
  single.kill(SIGKILL);
});

/** The kernel. */
function isAtLeast(major: number, minor: number): boolean {
  const [its = 0, itsMinor = 0] = release().split(".").map(Number);
  return its > major || (its === major && itsMinor >= minor);
}

test("closing before the end rejects whoever waits", async () => {
  const pidfd = openPidfd(process.pid);
  pidfd.close();
  await assert.rejects(pidfd.exited, { kind: "cancelled" });
});

test("a process that does not exist is ESRCH, a bad signal EINVAL", () => {
  assert.throws(() => openPidfd(2 ** 22 + 1), { errno: 3 }); // above PID_MAX_LIMIT, linux/threads.h
  const pidfd = openPidfd(process.pid);
  assert.throws(() => pidfd.signal(999), { errno: 22 });
  pidfd.close();
});

test("a stopped process is stopped, and a child of the one that started it", async () => {
  const child = spawn("sleep", ["60"]);
  const reaped = once(child, "exit");
  child.kill(SIGSTOP);
  while (processState(child.pid!) !== "stopped") await turn();
  assert.ok(childrenOf(process.pid).includes(child.pid!));
  assert.deepEqual(childrenOf(child.pid!), []);
  child.kill(SIGKILL);
  await reaped;
  assert.ok(!childrenOf(process.pid).includes(child.pid!));
});

test("this process is running", () => {
  assert.equal(processState(process.pid), "running");
});

test("a process's name cannot fake its state, and children are found without the kernel's lists", (context) => {
  const proc = mkdtempSync(join(tmpdir(), "ring3-proc-"));
  context.after(() => rmSync(proc, { recursive: true }));
  for (const [pid, stat] of [
    [10, "10 (a) S 1 ) (b) D 1 10"],
    [11, "11 (x\n) R 99) Z 10 10"],
    [12, "12 (y) T 10 10"],
    [13, "13 (10) t 11 10"],
  ] as const) {
    mkdirSync(join(proc, `${pid}`));
    writeFileSync(join(proc, `${pid}/stat`), `${stat} 10 0\n`);
  }
  mkdirSync(join(proc, "sys"));
  assert.deepEqual(
    [10, 11, 12, 13, 14].map((pid) => processState(pid, proc)),
    ["blocked", "zombie", "stopped", "traced", "dead"],
  );
  assert.deepEqual(childrenOf(10, proc).sort(), [11, 12]);
  assert.deepEqual(childrenOf(99, proc), []);
});

test("of this process: some processor time, some memory of its own, no debugger; of one that is gone: nothing", () => {
  const gone = 2 ** 22 + 1; // above PID_MAX_LIMIT, linux/threads.h
  const before = cpuMs(process.pid);
  const usedUs = () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  const enough = usedUs() + 100_000;
  while (usedUs() < enough) {} // however long others have the processor meanwhile
  const spent = cpuMs(process.pid) - before;
  assert.ok(spent >= 20 && spent < 5000, `${spent}`);
  assert.ok(privateBytes(process.pid) > 2 ** 20);
  assert.ok(dataBytes(process.pid) > 2 ** 20);
  assert.equal(traced(process.pid), false);
  assert.deepEqual([cpuMs(gone), privateBytes(gone), dataBytes(gone), traced(gone)], [0, 0, 0, false]);
});

test("page tables count as private memory", () => {
  const proc = mkdtempSync(join(tmpdir(), "ring3-proc-"));
  mkdirSync(join(proc, "7"));
  writeFileSync(join(proc, "7", "statm"), "900 30 10 1 0 5 0\n"); // pages: size, resident, shared, …
  writeFileSync(join(proc, "7", "status"), "VmData:\t     100 kB\nVmPTE:\t    2048 kB\n");
  assert.deepEqual([privateBytes(7, proc), dataBytes(7, proc)], [20 * 4096 + 2048 * 1024, 100 * 1024]);
  rmSync(proc, { recursive: true });
});
