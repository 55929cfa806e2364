// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bwrapArguments, parseJailStatus } from "./bwrap.ts";

const jail = {
  files: [{ source: "/opt/node 26/bin/node", target: "/ring3/node" }],
  command: ["/ring3/node", "--jitless", "/ring3/host.cjs"],
  environment: { LANG: "C.UTF-8" },
  seccompFd: 3,
  statusFd: 4,
};

test("a jail becomes bubblewrap's arguments, each path a word of its own", () => {
  assert.equal(
    bwrapArguments(jail).join("|"),
    "--unshare-user|--disable-userns|--unshare-pid|--unshare-net|--unshare-ipc|--unshare-uts|--unshare-cgroup-try" +
      "|--hostname|ring3|--die-with-parent|--new-session|--cap-drop|ALL|--clearenv|--setenv|LANG|C.UTF-8" +
      "|--ro-bind|/opt/node 26/bin/node|/ring3/node|--dev-bind|/dev/null|/dev/null|--remount-ro|/|--chdir|/" +
      "|--seccomp|3|--json-status-fd|4|--|/ring3/node|--jitless|/ring3/host.cjs",
  );
});

test("relative paths, paths upwards and a missing command are refused", () => {
  const withFile = (source: string, target: string) => () =>
    bwrapArguments({ ...jail, files: [{ source, target }] });
  assert.throws(withFile("node", "/ring3/node"), { kind: "invalid" });
  assert.throws(withFile("/node", "/ring3/../etc"), { kind: "invalid" });
  assert.throws(withFile("/node", "/a\0b"), { kind: "invalid" });
  assert.throws(() => bwrapArguments({ ...jail, command: [] }), { kind: "invalid" });
});

test("the status grows line by line and ignores a half line", () => {
  const first = '{ "child-pid": 4711, "mnt-namespace": 4026532178 }\n';
  assert.deepEqual(parseJailStatus(""), { init: undefined, exitCode: undefined });
  assert.deepEqual(parseJailStatus('{ "child-pid": 47'), { init: undefined, exitCode: undefined });
  assert.deepEqual(parseJailStatus(`${first}{ "exit`), { init: 4711, exitCode: undefined });
  assert.deepEqual(parseJailStatus(`${first}{ "exit-code": 137 }\n`), { init: 4711, exitCode: 137 });
});

test("a status that is no status is a broken protocol, one without numbers says nothing", () => {
  assert.throws(() => parseJailStatus("bwrap: oops\n"), { kind: "protocol" });
  assert.deepEqual(parseJailStatus('{ "child-pid": "1" }\nnull\n'), { init: undefined, exitCode: undefined });
});
