// Runs in: lab guest, root, on a kernel with cgroup v2. A driver host's group: its limits, what the kernel does beyond them, its end.
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { type GuestRing3, startRing3 } from "../guest/ring3.ts";

const ROOT = "/sys/fs/cgroup";
const groupOf = ({ ring3 }: GuestRing3) => `${ROOT}/ring3-${ring3.keeperPid}`;
const read = (group: string, file: string) => readFileSync(join(group, file), "utf8").trim();

test("a host is in a group of its own; beyond its memory the kernel ends it, which is told as that; no group is left, whichever manager made it", async () => {
  let own: string;
  {
    await using guest = await startRing3();
    const { ring3, life } = guest;
    own = groupOf(guest);
    const groups = () => globSync(`${own}/host-*`);
    const drive = await ring3.plug("grouped");
    const { hostPid } = await ring3.reached(drive.device, "running");
    const group = groups().find((candidate) =>
      read(candidate, "cgroup.procs").split("\n").includes(`${hostPid}`),
    )!;
    assert.deepEqual(
      ["memory.max", "pids.max"].map((file) => read(group, file)),
      [`${2 * 256 * 2 ** 20}`, "32"],
    );
    assert.equal(read(own, "cgroup.procs"), "");

    await ring3.killManager(); // the next one knows the group
    writeFileSync(join(group, "memory.max"), "65536"); // what no process can live in
    await life.restarted(drive, 1);
    assert.match(
      await ring3.log(drive.device),
      /driver failed: memory: the kernel ended it: it wanted more than 512 MB/,
    );
    await eventually("the end of the group", () => !groups().includes(group) || undefined);
  }
  assert.ok(!existsSync(own));
});

test("all of ring3 is killed: the next one removes its groups, and not the empty one of a ring3 that lives", async () => {
  await using living = await startRing3({ spares: 0 });
  await using killed = await startRing3({ spares: 0 });
  const drive = await killed.ring3.plug("left");
  await killed.ring3.reached(drive.device, "running");
  process.kill(killed.ring3.keeperPid, "SIGKILL");
  await killed.ring3.ended();
  const isEmpty = () => read(groupOf(killed), "cgroup.events").includes("populated 0");
  await eventually("the end of its hosts", () => isEmpty() || undefined);
  assert.equal(globSync(`${groupOf(killed)}/host-*`).length, 1);
  await using _next = await startRing3({ spares: 0 });
  assert.deepEqual(
    [killed, living].map((each) => existsSync(groupOf(each))),
    [false, true],
  );
});
