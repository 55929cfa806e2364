// Runs in: tests. Owns: a ring3 whose driver is killed again and again while real clients use its disk.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { seeded } from "@ring3/core/chance";
import { BLOCK_BYTES, DiskLedger } from "./disk-ledger.fixture.ts";
import { DriversLife, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Drive, type Ended, RunningRing3, run } from "./running-ring3.fixture.ts";

const MIB = 2 ** 20;
const KILLS = 100;
/** Every so many kills the host is not killed but stopped, until it has missed its heartbeat. */
const STOP_EVERY = 12;
/** After so many kills in a row something must have been done between two: who is killed on every start is quarantined. */
const WORK_EVERY = 5;
const LEDGER_BYTES = 16 * MIB;
const PART_BYTES = 8 * MIB;

const ring3 = await RunningRing3.start();
const life = await DriversLife.of(ring3);
after(async () => {
  life.close();
  await ring3.stop();
});

/** Where fio's second job writes, and what: half of a part. */
const writing = (part: number) => [
  ...["--name=writes", "--rw=randwrite", "--bssplit=4k/60:16k/30:256k/10", `--randseed=${part + 1}`],
  ...[`--offset=${LEDGER_BYTES + part * PART_BYTES + PART_BYTES / 2}`, `--size=${PART_BYTES / 2}`],
  ...["--verify=crc32c", "--verify_fatal=1", "--verify_state_save=0"],
];

/** Random reads and writes, and random writes; every block is verified soon after it was written, and again at the end. */
function fio(address: string, part: number): Promise<Ended> {
  return run("fio", [
    ...["--ioengine=nbd", `--uri=${address}`, "--iodepth=16"],
    ...[
      "--name=mixed",
      "--rw=randrw",
      "--bs=4k",
      "--verify=crc32c",
      "--verify_fatal=1",
      "--verify_backlog=64",
    ],
    ...[`--offset=${LEDGER_BYTES + part * PART_BYTES}`, `--size=${PART_BYTES / 2}`, "--verify_state_save=0"],
    ...[...writing(part), "--verify_backlog=64"],
  ]);
}

/** Are all blocks of fio's second job in the image file? */
function fioOnImage(image: string, part: number): Promise<Ended> {
  return run("fio", ["--ioengine=psync", `--filename=${image}`, ...writing(part), "--verify_only"]);
}

async function kills(drive: Drive, ledger: DiskLedger, random: () => number): Promise<void> {
  for (let count = 1; count <= KILLS; count++) {
    if (count % WORK_EVERY === 0) await ledger.progress();
    await pause(random() * 80);
    await life.kill(drive, count % STOP_EVERY === 0 ? "SIGSTOP" : "SIGKILL");
  }
}

test("100 kills at random points under fio: no error, every acknowledged byte is in the image", async (t) => {
  const seed = Number(process.env.RING3_SEED ?? Date.now() % 2 ** 32);
  t.diagnostic(`RING3_SEED=${seed}`);
  const random = seeded(seed);
  const drive = await ring3.plug("kills", "--create", "1G");
  const before = await life.served(drive);
  const client = await NbdClient.connect(socketOf(before));
  const ledger = new DiskLedger(client, 0, LEDGER_BYTES / BLOCK_BYTES, random);

  let killing = true;
  const killed = kills(drive, ledger, random).finally(() => {
    killing = false;
  });
  const using = ledger.run(() => !killing, 4);
  let parts = 0;
  for (; killing; parts++) {
    const { code, out, err } = await fio(before.units[0]!.endpoints[0]!.address, parts);
    assert.deepEqual([code, out.match(/err= *\d+/g)], [0, ["err= 0", "err= 0"]], out + err);
  }
  await killed;
  await using;
  await client.flush();
  await client.close();

  assert.ok(
    drive.bytes(0, LEDGER_BYTES).equals(ledger.expected()),
    "the ledger's bytes are not all in the image",
  );
  for (let part = 0; part < parts; part++) {
    const { code, out, err } = await fioOnImage(drive.image, part);
    assert.equal(code, 0, `fio's part ${part} is not all in the image: ${out}${err}`);
  }
  const now = await ring3.device(drive.device);
  assert.deepEqual([now.state, now.units], ["running", before.units]);
  assert.ok(now.incarnation > KILLS, `${now.incarnation} starts`);
  t.diagnostic(`fio ran ${parts} times, ${ledger.writes} writes and ${ledger.reads} reads beside it`);
});
