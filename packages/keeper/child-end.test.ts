// Runs in: node --test. Owns: jails that are ended while they are being set up, all within a few milliseconds.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { childrenOf } from "@ring3/kernel/process/pidfd";
import { endWithChildren } from "./child-end.ts";

const MARK = `child-end-${process.pid}`;

function startJail(): ChildProcess {
  const jail = ["--unshare-user", "--unshare-pid", "--die-with-parent", "--ro-bind", "/", "/"];
  return spawn("bwrap", [...jail, "--setenv", "MARK", MARK, "--", "sleep", "1000"], { stdio: "ignore" });
}

/** Processes of our jails, whoever their parent is by now. */
function living(): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(MARK);
    } catch {
      return false; // no process, or it has ended
    }
  });
}

after(() => {
  for (const pid of living()) process.kill(Number(pid), "SIGKILL");
});

/** Killed, they are gone in less than a minute on any machine; one that was left behind sleeps for longer. */
async function noneLives(): Promise<void> {
  const end = performance.now() + 60_000;
  while (living().length > 0 && performance.now() < end) await pause(10);
  assert.deepEqual(living(), []);
}

test("a jail that is ended while it is being set up leaves nobody behind, whenever that is", async () => {
  for (let round = 0; round < 100; round++) {
    const jail = startJail();
    // From its first child on for some microseconds, which is when that one is bound to nothing.
    while (jail.exitCode === null && childrenOf(jail.pid!).length === 0);
    const until = performance.now() + (round % 20) / 20;
    while (performance.now() < until);
    endWithChildren(jail.pid!, (name) => jail.kill(name));
    await once(jail, "exit");
  }
  await noneLives();
});

test("a jail that stands ends with all that is in it; what has ended before is no error", async () => {
  const jail = startJail();
  await pause(100);
  endWithChildren(jail.pid!, (name) => jail.kill(name));
  await once(jail, "exit");
  await noneLives();
  endWithChildren(jail.pid!, (name) => jail.kill(name));
});
