// Runs in: tests. Owns: child processes, seen through pidfds.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { test } from "node:test";
import { native } from "../native.ts";

const { errno, signals } = constants;

test("a pidfd signals its process, and answers ESRCH once that is gone", async () => {
  const child = spawn("sleep", ["60"]);
  const exit = once(child, "exit");
  const fd = native.pidfdOpen(child.pid!, 0);
  assert.ok(fd >= 0);
  assert.equal(native.pidfdSendSignal(fd, 0), 0);
  assert.equal(native.pidfdSendSignal(fd, signals.SIGTERM), 0);
  assert.deepEqual(await exit, [null, "SIGTERM"]);
  assert.equal(native.pidfdSendSignal(fd, signals.SIGTERM), -errno.ESRCH);
  assert.equal(native.pidfdOpen(child.pid!, 0), -errno.ESRCH);
  native.close(fd);
});

test("a pid below 1 and a signal out of range are EINVAL, another file EBADF", () => {
  assert.equal(native.pidfdOpen(0, 0), -errno.EINVAL);
  const fd = native.pidfdOpen(process.pid, 0);
  assert.equal(native.pidfdSendSignal(fd, 1000), -errno.EINVAL);
  native.close(fd);
  const file = native.memfdCreate("ring3-no-process", false);
  assert.equal(native.pidfdSendSignal(file, 0), -errno.EBADF);
  native.close(file);
});
