// Runs in: tests. Owns: one ring3 with simulated drives that misbehave on the wire.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DriversLife, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const PIECE = 65_536;
const PIECES = 64; // all of a drive of 4 MiB
// The NBD project's doc/proto.md, "Error values"
const EPERM = 1;
const EIO = 5;
let ring3: RunningRing3;
let life: DriversLife;
let processes: unknown;

const processesNow = async () => {
  const { keeperPid, manager, reflectors } = await ring3.status();
  return [keeperPid, manager.pid, reflectors];
};

before(async () => {
  ring3 = await RunningRing3.start();
  life = await DriversLife.of(ring3);
  await life.served(await ring3.plug("beside"));
  processes = await processesNow();
});
after(async () => {
  life.close();
  await ring3.stop();
});

const connect = async (drive: Drive) => await NbdClient.connect(socketOf(await life.served(drive)));
/** A pattern that repeats after 251 bytes, a prime: shifted or exchanged sectors differ. */
const pieceOf = (index: number, seed: number) =>
  Buffer.alloc(
    PIECE,
    Uint8Array.from({ length: 251 }, (_, at) => at * 31 + index * 7 + seed),
  );

/** Writes all of the disk in pieces, many at a time, reads it all again and looks into the image. */
async function exercise(drive: Drive, disk: NbdClient, seed: number): Promise<void> {
  const all = Array.from({ length: PIECES }, (_, index) => index);
  await Promise.all(all.map((index) => disk.write(index * PIECE, pieceOf(index, seed))));
  await disk.flush();
  const read = await Promise.all(all.map((index) => disk.read(index * PIECE, PIECE)));
  for (const index of all) {
    assert.ok(read[index]!.equals(pieceOf(index, seed)), `piece ${index} over NBD`);
    assert.ok(drive.bytes(index * PIECE, PIECE).equals(pieceOf(index, seed)), `piece ${index} in the image`);
  }
}

/** How often the drive's driver has died while it asked what a failed command meant, by its successors' log. */
const diedAsking = async (drive: Drive) =>
  (await ring3.log(drive.device)).split("the driver died over sense data").length - 1;

/**
 * A driver that dies while it asks what a failed command meant takes the answer with it: it may have been a loss of power. Then, and only
 * then, the flush fails, once; what is written again must arrive.
 */
async function exerciseKilled(drive: Drive, disk: NbdClient, seed: number): Promise<void> {
  const before = await diedAsking(drive);
  const exercised = exercise(drive, disk, seed).catch(async (error: Error) => {
    assert.match(error.message, /^flush of 0 bytes at 0: NBD error 5$/);
    assert.equal(await diedAsking(drive), before + 1, "a flush failed without a cause");
    await exercise(drive, disk, seed);
  });
  await life.kill(drive);
  await exercised;
}

/** What the driver recovers from by itself: by fault, at which commands. */
const recovered: Readonly<Record<string, readonly number[]>> = {
  hang: [5], // the longest: half of a request's time passes first
  "slow:20": [0],
  "stall-command": [0, 5, 40],
  "stall-data": [0, 5, 40],
  "stall-status": [0, 5, 40],
  "wrong-tag": [0, 5, 40],
  "bad-signature": [0, 5, 40],
  "short-data": [0, 5, 40],
  "phase-error": [0, 5, 40],
  "residue-lie": [0, 5, 40],
};

describe("a device with the fault", { concurrency: 4 }, () => {
  for (const [fault, commands] of Object.entries(recovered))
    test(`${fault} is recovered from: no error, the bytes right, the driver the same`, async () => {
      const drive = await ring3.plug(fault.replace(":", "-"), "--write-cache");
      const disk = await connect(drive);
      for (const [round, command] of commands.entries()) {
        await drive.say(`fault ${fault}@${command}`);
        await exercise(drive, disk, round);
      }
      await drive.say("fault clear");
      await exercise(drive, disk, 99);
      await disk.close();
      const { state, incarnation } = await ring3.device(drive.device);
      assert.deepEqual([state, incarnation], ["running", 1]);
    });

  for (const style of ["noise", "zero-length", "truncated", "endless"])
    test(`garbage-descriptors:${style} is refused when plugged in, and keeps a dead driver from being replaced until it ends`, async () => {
      const told = await ring3
        .plug(`at-once-${style}`, "--fault", `garbage-descriptors:${style}`)
        .catch((error) => error);
      assert.match(String(told), /descriptor/);
      const drive = await ring3.plug(`later-${style}`);
      const disk = await connect(drive);
      await exercise(drive, disk, 1);
      await drive.say(`fault garbage-descriptors:${style}:2`); // a start asks twice at most, and five that fail would be the end
      process.kill((await ring3.device(drive.device)).hostPid!, "SIGKILL");
      const reading = disk.read(0, PIECE);
      assert.ok((await reading).equals(pieceOf(0, 1)));
      assert.match(await ring3.log(drive.device), /^warn: driver failed: grant: .*descriptor/m);
      await disk.close();
    });

  test("medium-error fails the reads of that sector, until it is written; write-protect-error one write", async () => {
    const drive = await ring3.plug("medium-error");
    const disk = await connect(drive);
    await exercise(drive, disk, 1);
    await drive.say("fault medium-error:300");
    await assert.rejects(disk.read(300 * 512, 512), { code: EIO });
    await assert.rejects(disk.read(256 * 512, PIECE), { code: EIO });
    assert.equal((await disk.read(299 * 512, 512)).length, 512);
    await disk.write(300 * 512, Buffer.alloc(512, 7));
    assert.ok((await disk.read(300 * 512, 512)).every((byte) => byte === 7));
    await drive.say("fault write-protect-error");
    await assert.rejects(disk.write(0, Buffer.alloc(512)), { code: EPERM });
    await exercise(drive, disk, 2);
    await disk.close();
    assert.equal((await ring3.device(drive.device)).incarnation, 1);
  });

  test("after fault, while the driver is killed, is the same disk with the same bytes", async () => {
    const drive = await ring3.plug("killed", "--write-cache");
    const disk = await connect(drive);
    const faults = Object.keys(recovered).filter((fault) => fault !== "hang" && !fault.startsWith("slow"));
    for (const [round, fault] of faults.entries()) {
      await drive.say(`fault ${fault}@3`);
      await exerciseKilled(drive, disk, round);
    }
    await disk.close();
  });
});

test("manager and reflector have lived through it all, and so has the drive beside", async () => {
  assert.deepEqual(await processesNow(), processes);
  assert.equal((await ring3.device("usb-beside:1.0")).incarnation, 1);
});
