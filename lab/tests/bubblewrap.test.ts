// Runs in: lab guest, root. A jail around Node, with the namespaces that driver hosts get.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { scaled } from "../timing.ts";

test("node in bubblewrap, without network, devices or home: it runs and sees none of them", () => {
  const namespaces = ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"];
  const mounts = [
    "--ro-bind",
    process.execPath,
    "/node",
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/lib",
    "/lib",
  ];
  mounts.push("--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev-bind", "/dev/null", "/dev/null");
  const script = `
    const { readdirSync, readFileSync } = require("node:fs");
    const interfaces = readFileSync("/proc/net/dev", "utf8").split("\\n").slice(2).filter(Boolean).length;
    console.log(JSON.stringify({ major: process.versions.node.split(".")[0], pid: process.pid, interfaces, dev: readdirSync("/dev"), top: readdirSync("/") }));`;
  const { stdout, stderr, status } = spawnSync(
    "bwrap",
    [...namespaces, ...mounts, "--die-with-parent", "--clearenv", "/node", "-e", script],
    {
      encoding: "utf8",
      timeout: scaled(5000),
    },
  );
  assert.equal(status, 0, stderr);
  const seen = JSON.parse(stdout);
  assert.equal(seen.major, "26");
  assert.equal(seen.pid, 2);
  assert.equal(seen.interfaces, 1);
  assert.deepEqual(seen.dev, ["null"]);
  assert.deepEqual(seen.top.toSorted(), ["dev", "lib", "lib64", "node", "proc", "usr"]);
});
