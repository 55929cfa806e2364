// Runs in: tests. Owns: a ring3 and `ring3 sim`, started as a person would, and the NBD tools that people use on the disk.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { seeded } from "@ring3/core/chance";
import { BLOCK_BYTES, blocksOf } from "./disk-ledger.fixture.ts";
import { DriversLife, pause } from "./drivers-life.fixture.ts";
import { RunningRing3, repository, run } from "./running-ring3.fixture.ts";

const MIB = 2 ** 20;

test("nbdinfo, nbdcopy both ways, qemu-io and fio pass while the driver is killed again and again", async (t) => {
  const seed = Number(process.env.RING3_SEED ?? Date.now() % 2 ** 32);
  t.diagnostic(`RING3_SEED=${seed}`);
  const random = seeded(seed);
  await using ring3 = await RunningRing3.start();
  const image = join(ring3.folder, "disk.img");
  const options = ["--image", image, "--create", "48M", "--port", "tools", "--state-dir", ring3.directory];
  const sim = spawn(join(repository, "ring3"), ["sim", "usb-drive", ...options], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const simEnded = once(sim, "close");
  const [device] = (await once(createInterface({ input: sim.stdout }), "line")) as [string];
  const drive = { device };
  const life = await DriversLife.of(ring3);
  const before = await life.served(drive);
  const { address } = before.units[0]!.endpoints[0]!;

  const source = join(ring3.folder, "source");
  const back = join(ring3.folder, "back");
  writeFileSync(source, blocksOf(0, new Uint32Array((48 * MIB) / BLOCK_BYTES).fill(1)));
  let working = true;
  const killing = (async () => {
    for (; working; await pause(random() * 150)) await life.kill(drive);
  })();
  const passes = async (tool: string, ...args: string[]) => {
    const { code, out, err } = await run(tool, args);
    assert.equal(code, 0, `${tool} ${args.join(" ")}: ${out}${err}`);
    return out;
  };
  const kills = async () => (await ring3.device(device)).incarnation - 1;

  assert.match(await passes("nbdinfo", address), /export-size: 50331648 \(48M\)/);
  await passes("nbdcopy", "--flush", source, address);
  await passes("nbdcopy", address, back);
  assert.ok(readFileSync(back).equals(readFileSync(source)));
  const patterns = [
    "write -P 0x5a 1M 4M",
    "flush",
    "read -P 0x5a 1M 4M",
    "write -z 2M 1M",
    "read -P 0 2M 1M",
  ];
  const qemu = await passes("qemu-io", "-f", "raw", ...patterns.flatMap((line) => ["-c", line]), address);
  assert.doesNotMatch(qemu, /failed|error/i);
  for (let round = 0; (await kills()) < 10; round++)
    await passes(
      "fio",
      "--name=v",
      "--ioengine=nbd",
      `--uri=${address}`,
      "--rw=randwrite",
      "--bs=32k",
      "--iodepth=8",
      `--offset=${8 + (round % 5) * 8}M`,
      "--size=8M",
      "--verify=crc32c",
      "--verify_fatal=1",
      "--verify_state_save=0",
    );
  working = false;
  await killing;

  const bytes = readFileSync(image);
  assert.ok(bytes.subarray(MIB, 2 * MIB).every((byte) => byte === 0x5a));
  assert.ok(bytes.subarray(2 * MIB, 3 * MIB).every((byte) => byte === 0));
  assert.ok(bytes.subarray(5 * MIB, 8 * MIB).equals(readFileSync(source).subarray(5 * MIB, 8 * MIB)));
  const now = await ring3.device(device);
  assert.ok(now.incarnation >= 11, `${now.incarnation} starts`);
  assert.deepEqual([now.state, now.units], ["running", before.units]);
  life.close();
  sim.kill("SIGTERM");
  assert.deepEqual(await simEnded, [0, null]);
});
