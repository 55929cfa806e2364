// Runs in: tests. Owns: a process that has a node open.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import { openersOf } from "./openers.ts";

test("who has a node open is found by pid and name; nodes that are not there are nobody's", async () => {
  const fd = openSync("/dev/zero", "r");
  const child = spawn("sleep", ["60"], { stdio: [fd, "ignore", "ignore"] });
  await once(child, "spawn");
  const openers = openersOf(["/dev/no-such", "/dev/zero"]);
  closeSync(fd);
  child.kill();
  await once(child, "close");
  const { pid } = child;
  assert.deepEqual(
    openers.filter((opener) => opener.pid === pid || opener.pid === process.pid),
    [{ node: "/dev/zero", pid, name: "sleep" }],
  );
  assert.ok(!openersOf(["/dev/zero"]).some((opener) => opener.pid === pid));
});

test("udev's workers look only; a program whose name contains theirs does not, and only those asked about are looked at", async (context) => {
  const fd = openSync("/dev/zero", "r");
  context.after(() => closeSync(fd));
  const found: (string | undefined)[] = [];
  for (const name of ["(udev-worker)", "systemd-udevd", "udevd", "libinput-udev"]) {
    const child = await named(name, fd);
    context.after(() => child.kill());
    found.push(openersOf(["/dev/zero"], [child.pid!])[0]?.name);
    assert.deepEqual(openersOf(["/dev/zero"], [process.ppid]), []);
    child.kill();
    await once(child, "close");
  }
  assert.deepEqual(found, [undefined, undefined, undefined, "libinput-udev"]);
});

/** A process that calls itself so and has that open (proc(5), /proc/pid/comm). */
async function named(name: string, fd: number) {
  const script = `printf %s '${name}' > /proc/$$/comm; echo; read line`;
  const child = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "ignore", fd] });
  await once(child.stdout!, "data");
  return child;
}
