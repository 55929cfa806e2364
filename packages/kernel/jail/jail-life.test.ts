// Runs in: tests. Needs bubblewrap and the addon: how a real jail begins and ends.
import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { after, test } from "node:test";
import { openPidfd, processState } from "../process/pidfd.ts";
import { inside } from "./files.ts";
import { prepareJails, user } from "./jail.fixture.ts";

const { directory, jailed } = await prepareJails();
after(() => rmSync(directory, { recursive: true }));

test("node starts in the jail, sees its own environment and host name, and its exit code comes back", async () => {
  const jail = await jailed(`
    console.log(JSON.stringify({ env: process.env, host: require("os").hostname(), pid: process.pid, uid: process.getuid(),
      groups: process.getgroups(), cwd: process.cwd(), root: require("fs").readdirSync("/"), ring3: require("fs").readdirSync("/ring3").sort(),
      dev: require("fs").readdirSync("/dev"), etc: require("fs").existsSync("/etc") }));
    process.exitCode = 7;`);
  const [line] = await jail.said(1);
  const seen = JSON.parse(line!);
  assert.deepEqual(seen, {
    env: { LANG: "C.UTF-8", PWD: "/" },
    host: "ring3",
    pid: 2,
    uid: user.uid,
    groups: [user.gid],
    cwd: "/",
    root: seen.root,
    ring3: ["host.cjs", "kernel.node", "node"],
    dev: ["null"],
    etc: false,
  });
  assert.deepEqual(
    seen.root.filter((name: string) => !name.startsWith("lib")),
    ["dev", "ring3"],
  );
  assert.deepEqual(await jail.ended, { code: 7, signal: null, exitCode: 7 });
  assert.equal(jail.complaints(), "");
});

test("the addon, timers, promises, threads and the thread pool work inside", async () => {
  const jail = await jailed(`
    const { Worker } = require("worker_threads");
    const addon = { exports: {} };
    process.dlopen(addon, "${inside.addon}");
    const work = new Promise((resolve) => require("crypto").pbkdf2("a", "b", 1, 8, "sha1", (e, key) => resolve(key.length)));
    const worker = new Promise((resolve) => new Worker("require('worker_threads').parentPort.postMessage(5)", { eval: true }).on("message", resolve));
    const timer = new Promise((resolve) => setTimeout(resolve, 1, 3));
    Promise.all([work, worker, timer]).then((all) => console.log(JSON.stringify([typeof addon.exports.futexWait, ...all])));`);
  assert.deepEqual(await jail.said(1), ['["function",8,5,3]']);
  assert.equal((await jail.ended).exitCode, 0);
});

const idle = `console.log("up"); setInterval(() => {}, 1000);`;

test("a driver killed by a signal is reported as 128 and the signal", async () => {
  const jail = await jailed(idle);
  process.kill(jail.driver, "SIGKILL");
  assert.deepEqual(await jail.ended, { code: 137, signal: null, exitCode: 137 });
});

test("killing process 1 of the sandbox ends everything in it", async () => {
  const jail = await jailed(idle);
  const ends = [openPidfd(jail.driver).exited, openPidfd(jail.init).exited];
  process.kill(jail.init, "SIGKILL");
  assert.deepEqual(await jail.ended, { code: 137, signal: null, exitCode: 137 });
  await Promise.all(ends);
});

test("killing the outer bubblewrap ends the sandbox, and leaves no exit code", async () => {
  const jail = await jailed(idle);
  const ends = [openPidfd(jail.driver).exited, openPidfd(jail.init).exited];
  process.kill(jail.outer.pid!, "SIGKILL");
  assert.deepEqual(await jail.ended, { code: null, signal: "SIGKILL", exitCode: undefined });
  await Promise.all(ends);
});

test("without --die-with-parent the sandbox would outlive the outer bubblewrap", async () => {
  const jail = await jailed(idle, { drop: "--die-with-parent" });
  const ends = [openPidfd(jail.driver).exited, openPidfd(jail.init).exited];
  process.kill(jail.outer.pid!, "SIGKILL");
  await once(jail.outer, "exit");
  assert.match(processState(jail.driver), /^(running|sleeping)$/);
  assert.match(processState(jail.init), /^(running|sleeping)$/);
  process.kill(jail.init, "SIGKILL");
  await Promise.all(ends);
});
