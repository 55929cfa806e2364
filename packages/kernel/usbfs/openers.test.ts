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
