// Runs in: tests. Owns: a ring3 with disks that keep writes in a volatile cache and lose their power.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { blocksOf } from "./disk-ledger.fixture.ts";
import { DriversLife, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const NBD_EIO = 5; // proto.md, "Error values"
const BYTES = 2 ** 20;
const written = blocksOf(0, new Uint32Array(BYTES / 4096).fill(1));
const zeroes = Buffer.alloc(BYTES);

const ring3 = await RunningRing3.start();
const life = await DriversLife.of(ring3);
after(async () => {
  life.close();
  await ring3.stop();
});

async function plug(name: string): Promise<{ drive: Drive; client: NbdClient }> {
  const drive = await ring3.plug(name, "--create", "8M", "--write-cache");
  return { drive, client: await NbdClient.connect(socketOf(await life.served(drive))) };
}

/** Power goes and comes back: the drive leaves the bus for a moment. */
async function losePower(drive: Drive): Promise<void> {
  await drive.say("fault power-loss");
  await life.replugged(drive, 2);
}

test("a write that lay in the cache when the power went is lost, and exactly one flush fails", async () => {
  const { drive, client } = await plug("lost");
  await client.write(0, written);
  await losePower(drive);
  assert.ok(
    (await client.read(0, BYTES)).equals(zeroes),
    "the simulated drive has kept what it should have lost",
  );
  await assert.rejects(client.flush(), { code: NBD_EIO });
  await client.flush();
  await client.write(0, written);
  await client.flush();
  assert.ok(drive.bytes(0, BYTES).equals(written));
  await client.close();
});

test("a second client's flush tells of the first one's lost writes, and the first one's does not again", async () => {
  const { drive, client } = await plug("others");
  const other = await NbdClient.connect(socketOf(await ring3.device(drive.device)));
  await client.write(0, written);
  await losePower(drive);
  await assert.rejects(other.flush(), { code: NBD_EIO });
  await client.flush();
  await Promise.all([client.close(), other.close()]);
});

test("with everything flushed before the power went no flush fails", async () => {
  const { drive, client } = await plug("flushed");
  await client.write(0, written);
  await client.flush();
  await client.write(BYTES, written, true); // forced to the medium by itself
  await losePower(drive);
  await client.flush();
  assert.ok(drive.bytes(0, 2 * BYTES).equals(Buffer.concat([written, written])));
  await client.close();
});

test("the disk behind the bridge loses its power: the next flush fails, the one after a new write does not", async () => {
  const { drive, client } = await plug("bridge");
  await client.write(0, written);
  await drive.say("fault unit-attention-power-on");
  await assert.rejects(client.flush(), { code: NBD_EIO });
  await client.write(0, written);
  await client.flush();
  assert.ok(drive.bytes(0, BYTES).equals(written));
  await client.close();
});

test("power that goes while the driver is dead fails the next flush", async () => {
  const { drive, client } = await plug("both");
  await client.write(0, written);
  const { hostPid, incarnation } = await ring3.device(drive.device);
  process.kill(hostPid!, "SIGSTOP");
  await drive.say("fault unit-attention-power-on");
  process.kill(hostPid!, "SIGKILL");
  await life.restarted(drive, incarnation);
  await assert.rejects(client.flush(), { code: NBD_EIO });
  await client.flush();
  await client.close();
});

test("the driver that learned of a power loss is killed before it could tell: the next flush fails all the same", async () => {
  const { drive, client } = await plug("untold");
  await client.write(0, written);
  const { hostPid, incarnation } = await ring3.device(drive.device);
  process.kill(hostPid!, "SIGSTOP");
  await drive.say("fault unit-attention-power-on");
  process.kill(hostPid!, "SIGKILL");
  await life.restarted(drive, incarnation);
  await life.kill(drive);
  await assert.rejects(client.flush(), { code: NBD_EIO });
  await client.close();
});

test("a client that leaves has its writes flushed: power that goes before the next one comes takes nothing", async () => {
  const { drive, client } = await plug("left");
  await client.write(0, written);
  await client.close();
  const again = await NbdClient.connect(socketOf(await ring3.device(drive.device)));
  await drive.say("fault unit-attention-power-on");
  await again.flush();
  assert.ok((await again.read(0, BYTES)).equals(written));
  await again.close();
});

test("power that goes while a client has left and its driver is dead fails the next client's flush", async () => {
  const { drive, client } = await plug("left-behind");
  await client.write(0, written);
  const { hostPid, incarnation } = await ring3.device(drive.device);
  process.kill(hostPid!, "SIGSTOP");
  await client.close();
  await drive.say("fault unit-attention-power-on");
  process.kill(hostPid!, "SIGKILL");
  await life.restarted(drive, incarnation);
  const again = await NbdClient.connect(socketOf(await ring3.device(drive.device)));
  await assert.rejects(again.flush(), { code: NBD_EIO });
  await again.flush();
  await again.close();
});

test("a driver that is killed loses nothing of a cache that kept its power: no flush fails", async () => {
  const { drive, client } = await plug("kept");
  await client.write(0, written);
  await life.kill(drive);
  await client.flush();
  assert.ok(drive.bytes(0, BYTES).equals(written));
  await client.close();
});
