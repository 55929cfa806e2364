// Runs in: tests. Owns: folders in the place of a cgroup v2 tree and of /proc.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { Cgroups } from "./cgroup.ts";

const folder = mkdtempSync(join(tmpdir(), "r3-cgroup-"));
after(() => rmSync(folder, { recursive: true }));

const [LIVING, GONE, OWN] = [101, 102, 103];

/** Groups below a root group, which this process is in. */
function tree(name: string, ...groups: readonly string[]): { root: string; proc: string } {
  const [root, proc] = [join(folder, name, "cgroup"), join(folder, name, "proc")];
  for (const pid of ["self", LIVING, OWN]) mkdirSync(join(proc, `${pid}`), { recursive: true });
  for (const group of groups) mkdirSync(join(root, group), { recursive: true });
  writeFileSync(join(proc, "self/mounts"), `none ${root} cgroup2 rw 0 0\n`);
  writeFileSync(join(proc, "self/cgroup"), "0::/\n");
  writeFileSync(join(root, "cgroup.controllers"), "cpu memory pids\n");
  writeFileSync(join(root, "cgroup.subtree_control"), "");
  return { root, proc };
}

const foldersOf = (root: string) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => relative(root, join(parentPath, name)))
    .sort();

test("a manager that succeeds nobody removes the groups of keepers that are gone, its own pid's too; who lives keeps an empty one", () => {
  const living = [`ring3-${LIVING}`, `ring3-${LIVING}/host-1`];
  const others = ["ring3-name", "system"];
  const { root, proc } = tree(
    "first",
    ...[...living, ...others, `ring3-${GONE}/host-1`, `ring3-${GONE}/host-2`, `ring3-${OWN}/host-1`],
  );
  assert.ok(Cgroups.own(`${OWN}`, false, proc));
  assert.deepEqual(foldersOf(root), [...living, `ring3-${OWN}`, ...others].sort());
});

test("a group that somebody lives in stays, whoever has made it", () => {
  const used = [`ring3-${GONE}`, `ring3-${GONE}/host-1`, `ring3-${GONE}/host-1/busy`]; // as with a process in it, rmdir() is refused
  const { root, proc } = tree("used", ...used);
  assert.ok(Cgroups.own(`${OWN}`, false, proc));
  assert.deepEqual(foldersOf(root), [...used, `ring3-${OWN}`]);
});

test("a successor has the groups that were made before, and removes none", () => {
  const before = [`ring3-${GONE}`, `ring3-${GONE}/host-1`, `ring3-${OWN}`, `ring3-${OWN}/host-1`];
  const { root, proc } = tree("successor", ...before);
  assert.ok(Cgroups.own(`${OWN}`, true, proc)?.group("host-1"));
  assert.deepEqual(foldersOf(root), before);
});
