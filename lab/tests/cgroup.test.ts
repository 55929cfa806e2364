// Runs in: lab guest, root, on a kernel with cgroup v2. A driver host's group: its limits, what the kernel does beyond them, its end.
import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { startRing3 } from "../guest/ring3.ts";

const ROOT = "/sys/fs/cgroup";
const groups = () => globSync(`${ROOT}/ring3-*/host-*`);
const read = (group: string, file: string) => readFileSync(join(group, file), "utf8").trim();

test("a host is in a group of its own; beyond its memory the kernel ends it, which is told as that; no group is left, whichever manager made it", async () => {
  {
    await using guest = await startRing3();
    const { ring3, life } = guest;
    const drive = await ring3.plug("grouped");
    const { hostPid } = await ring3.reached(drive.device, "running");
    const group = groups().find((candidate) =>
      read(candidate, "cgroup.procs").split("\n").includes(`${hostPid}`),
    )!;
    assert.deepEqual(
      ["memory.max", "pids.max"].map((file) => read(group, file)),
      [`${2 * 256 * 2 ** 20}`, "32"],
    );
    assert.equal(read(dirname(group), "cgroup.procs"), "");

    await ring3.killManager(); // the next one knows the group
    writeFileSync(join(group, "memory.max"), "65536"); // what no process can live in
    await life.restarted(drive, 1);
    assert.match(
      await ring3.log(drive.device),
      /driver failed: memory: the kernel ended it: it wanted more than 512 MB/,
    );
    await eventually("the end of the group", () => !groups().includes(group) || undefined);
  }
  assert.deepEqual(globSync(`${ROOT}/ring3-*`), []);
});
