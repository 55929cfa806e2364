// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { plain } from "../text.ts";
import { escapeOf } from "./judge.ts";
import { groupText, resultText } from "./report.ts";

const refused = { denied: ["EPERM"] };

test("the errno that was expected is a denial, whatever is said about it", () => {
  assert.equal(escapeOf(refused, "EPERM"), undefined);
  assert.equal(escapeOf(refused, "EPERM: operation not permitted, open '/etc/passwd'"), undefined);
});

test("any other outcome is an escape: success, an errno of the kernel's own code, a throw, silence", () => {
  for (const outcome of [
    "0",
    "17",
    "EFAULT",
    "EPERM after 3",
    "TypeError: no",
    "it did not run",
    "died: exit: code 1",
    "",
  ])
    assert.equal(escapeOf(refused, outcome), `${outcome}; denied would be EPERM`);
});

test("a death is a denial only for the expected reason", () => {
  const denied = ["died: malformed", "died: memory"];
  assert.equal(escapeOf({ denied }, "died: malformed: event of generation 77"), undefined);
  assert.equal(
    escapeOf({ denied }, "died: heartbeat: no heartbeat for 1500 ms"),
    "died: heartbeat: no heartbeat for 1500 ms; denied would be died: malformed or died: memory",
  );
  const signal = ["died: signal: the process was ended by SIGSEGV"];
  assert.equal(
    escapeOf({ denied: signal }, "died: signal: the process was ended by SIGSEGV; it said: no"),
    undefined,
  );
  assert.notEqual(escapeOf({ denied: signal }, "died: signal: the process was ended by SIGKILL"), undefined);
});

test("a group is one line, what escaped stands below the sum, and nothing passes column 80", () => {
  assert.equal(
    groupText({ group: "files", probes: 122, denied: 9 }, plain),
    "files           9 of  122 denied",
  );
  const result = { probes: 3, denied: 2, escaped: [`dup: ${"long ".repeat(30)}`], syscalls: 36 };
  const lines = resultText(result, 80, plain).split("\n");
  assert.equal(lines[1], "3 probes, 2 denied, 1 escaped; 36 system calls are left to the driver");
  assert.ok(lines.every((line) => line.length <= 80));
});
