// Runs in: lab guest, root, in tests. Owns: a ring3 with a drive that is a disk of the kernel's own, by one of its drivers: it outlives its driver, its
// reflector and ring3's manager, and nobody waits for it once it cannot come back.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import type { Drive } from "../../packages/cli/running-ring3.fixture.ts";
import { copying, mounted } from "./kernel-disk.ts";
import { run } from "./program.ts";
import { type GuestRing3, loggedOf, startRing3, succeeds } from "./ring3.ts";

const TREE = "packages/core";
const SOURCE = "/run/ring3-source";
const SOURCE_BYTES = 4 << 20;
const GRACE_MS = 3000;

export interface KernelDiskKind {
  /** As `ring3 status` says it. */
  readonly kind: string;
  /** ring3.yaml's word. */
  readonly block: "nbd-device" | "auto";
  readonly module: string;
  /** All disks that there are of it. */
  readonly nodes: () => string[];
}

export function kernelDiskSuite({ kind, block, module, nodes }: KernelDiskKind): void {
  let guest: GuestRing3;
  let drive: Drive;
  before(async () => {
    await run("modprobe", module);
    guest = await startRing3({ block, graceMs: GRACE_MS });
    drive = await guest.ring3.plug("disk", "--create", "32M", "--write-cache");
  });
  after(() => guest?.[Symbol.asyncDispose]());

  /** The disk's node, once ring3 tells of it. */
  async function node(): Promise<string> {
    const [endpoint] = (await guest.life.served(drive)).units[0]!.endpoints;
    assert.equal(endpoint!.kind, kind);
    return endpoint!.address;
  }

  /** Resolves once there is another: a manager that has just begun has none yet, and one that has not heard of a death still tells of the dead one. */
  const killReflector = async () => {
    const pidOf = async () => (await guest.ring3.status()).reflectors[0]?.pid;
    const killed = await eventually("a reflector", pidOf);
    process.kill(killed, "SIGKILL");
    await eventually("another reflector", async () => {
      const pid = await pidOf();
      return pid === killed ? undefined : pid;
    });
  };
  const gone = () => eventually("the end of the disk", () => nodes().length === 0 || undefined);
  const reading = (disk: string) =>
    run("dd", `if=${disk}`, "of=/dev/null", "bs=64k", "iflag=direct").then(
      () => "read",
      () => "failed",
    );

  test("a file system on it; a copy into it goes on over the deaths of driver, reflector and manager", async () => {
    const { ring3, life } = guest;
    await loggedOf(ring3, drive.device, async () => {
      const disk = await node();
      await run("mkfs.ext4", "-q", disk);
      await mounted(disk, "sync", async (folder) => {
        await copying(TREE, `${folder}/tree`, async () => {
          await life.kill(drive);
          await killReflector();
          await ring3.killManager();
          await killReflector();
        });
      });
      await run("fsck.ext4", "-fn", disk);
      assert.equal(await node(), disk);
      await mounted(disk, "ro", (folder) => run("diff", "-r", TREE, `${folder}/tree`));
    });
  });

  test("manager, reflector and driver killed at once: the next ones go on with the same disk", async () => {
    const { ring3, life } = guest;
    await loggedOf(ring3, drive.device, async () => {
      const disk = await node();
      writeFileSync(SOURCE, randomBytes(SOURCE_BYTES));
      const copied = run("dd", `if=${SOURCE}`, `of=${disk}`, "bs=64k", "oflag=direct", "conv=fsync");
      const { manager, reflectors } = await ring3.status();
      const { hostPid, incarnation } = await ring3.device(drive.device);
      for (const pid of [manager.pid, reflectors[0]!.pid, hostPid!]) process.kill(pid, "SIGKILL");
      await life.restarted(drive, incarnation);
      await copied;
      assert.equal(await node(), disk);
      await run("cmp", "-n", `${SOURCE_BYTES}`, SOURCE, disk);
    });
  });

  test("fio writes at random and reads back what it wrote, while driver and reflector are killed", async () => {
    const { ring3, life } = guest;
    await loggedOf(ring3, drive.device, async () => {
      const disk = await node();
      const options = ["--ioengine=libaio", "--iodepth=8", "--bs=4k", "--rw=randwrite", "--direct=1"];
      const verified = run(
        "fio",
        "--name=verify",
        `--filename=${disk}`,
        "--size=512k",
        ...options,
        "--verify=crc32c",
        "--verify_fatal=1",
      );
      await life.kill(drive);
      await killReflector();
      await verified;
    });
  });

  test("its geometry is the drive's: size, sectors, cache, and no more than the drive takes at a time", async () => {
    const name = (await node()).slice("/dev/".length);
    const read = async (file: string) => (await run("cat", `/sys/block/${name}/${file}`)).trim();
    assert.equal(await read("size"), `${(32 << 20) / 512}`);
    assert.equal(await read("queue/logical_block_size"), "512");
    assert.equal(await read("queue/write_cache"), "write back");
    assert.equal(await read("ro"), "0");
    assert.ok(Number(await read("queue/max_sectors_kb")) <= 1024);
  });

  test("stopped: the disk is gone; started: it is there again", async () => {
    const { ring3 } = guest;
    await node();
    await succeeds(ring3, "stop", drive.device);
    await gone();
    await succeeds(ring3, "start", drive.device);
    assert.ok(existsSync(await node()));
  });

  test("unplugged: who reads waits for the grace, then is told; the disk goes, and comes again with the drive", async () => {
    const { ring3, life } = guest;
    await loggedOf(ring3, drive.device, async () => {
      const disk = await node();
      await drive.say("fault slow:20"); // so that it is still reading
      const read = reading(disk);
      await drive.say("unplug");
      assert.equal(await read, "failed");
      await life.removed(drive);
      await gone();
      await drive.say("plug");
      await drive.say("fault clear");
      assert.ok(existsSync(await node()));
    });
  });

  test("keeper killed: nobody waits for a disk whose ring3 has gone", async () => {
    const { ring3 } = guest;
    const read = reading(await node());
    process.kill(ring3.keeperPid, "SIGKILL");
    await ring3.ended();
    await gone();
    assert.match(await read, /read|failed/);
  });
}
