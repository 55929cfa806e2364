// Runs in: lab guest, root. A drive as a disk of the kernel's own, /dev/ublkbN, which outlives its driver, its reflector and ring3's manager.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import type { Drive } from "../../packages/cli/running-ring3.fixture.ts";
import { mounted } from "../guest/kernel-disk.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, loggedOf, startRing3, succeeds } from "../guest/ring3.ts";

const TREE = "packages/classes";

let guest: GuestRing3;
let drive: Drive;
before(async () => {
  await run("modprobe", "ublk_drv");
  guest = await startRing3({ block: "auto" });
  drive = await guest.ring3.plug("disk", "--create", "32M", "--write-cache");
});
after(() => guest?.[Symbol.asyncDispose]());

const nodes = () => readdirSync("/dev").filter((name) => name.startsWith("ublkb"));

/** The disk's node, once ring3 tells of it. */
async function node(): Promise<string> {
  const [endpoint] = (await guest.life.served(drive)).units[0]!.endpoints;
  assert.equal(endpoint!.kind, "ublk");
  return endpoint!.address;
}

const killReflector = async () => {
  const { reflectors } = await guest.ring3.status();
  process.kill(reflectors[0]!.pid, "SIGKILL");
};

test("a file system on it; a copy into it goes on over the deaths of driver, reflector and manager", async () => {
  const { ring3, life } = guest;
  await loggedOf(ring3, drive.device, async () => {
    const disk = await node();
    await run("mkfs.ext4", "-q", disk);
    await mounted(disk, "sync", async (folder) => {
      let copying = true;
      const copied = run("cp", "-r", TREE, `${folder}/tree`).finally(() => {
        copying = false;
      });
      await life.kill(drive);
      await killReflector();
      await eventually("another reflector", async () => (await ring3.status()).reflectors[0]?.pid);
      await ring3.killManager();
      await killReflector();
      assert.ok(copying);
      await copied;
    });
    await run("fsck.ext4", "-fn", disk);
    assert.equal(await node(), disk);
    await mounted(disk, "ro", (folder) => run("diff", "-r", TREE, `${folder}/tree`));
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
});

test("stopped: the disk is gone; started: it is there again", async () => {
  const { ring3 } = guest;
  await node();
  await succeeds(ring3, "stop", drive.device);
  await eventually("the end of the disk", () => nodes().length === 0 || undefined);
  await succeeds(ring3, "start", drive.device);
  assert.ok(existsSync(await node()));
});

test("keeper killed: nobody waits for a disk whose ring3 has gone", async () => {
  const { ring3 } = guest;
  const disk = await node();
  const reading = run("dd", `if=${disk}`, "of=/dev/null", "bs=64k", "iflag=direct").then(
    () => "read",
    () => "failed",
  );
  process.kill(ring3.keeperPid, "SIGKILL");
  await ring3.ended();
  await eventually("the end of the disk", () => nodes().length === 0 || undefined);
  assert.match(await reading, /read|failed/);
});
