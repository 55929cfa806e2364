// Runs in: tests. Owns: a ring3 whose verbs are used on a disk while fio uses it too.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { seeded } from "@ring3/core/chance";
import { BLOCK_BYTES, DiskLedger } from "./disk-ledger.fixture.ts";
import { DriversLife, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient, NbdError } from "./nbd-client.ts";
import { type Drive, RunningRing3, run } from "./running-ring3.fixture.ts";

const MIB = 2 ** 20;
const BLOCKS = 1024;
/** fio begins anew when it is through, so that it is still at work when its disk stops. */
const ENDLESS = ["--time_based", "--runtime=60"];

const ring3 = await RunningRing3.start();
const life = await DriversLife.of(ring3);
after(async () => {
  life.close();
  await ring3.stop();
});

/** A drive that fio writes to and verifies, and a ledger too. */
async function used(name: string, ...more: string[]) {
  const drive = await ring3.plug(name, "--create", "32M");
  const status = await life.served(drive);
  const address = status.units[0]!.endpoints[0]!.address;
  const client = await NbdClient.connect(socketOf(status));
  const ledger = new DiskLedger(client, 0, BLOCKS, seeded(5));
  const fio = run("fio", [
    ...["--name=v", "--ioengine=nbd", `--uri=${address}`, "--rw=randrw", "--bs=16k", "--iodepth=8"],
    ...["--offset=8M", "--size=16M", "--verify=crc32c", "--verify_fatal=1", "--verify_state_save=0"],
    ...more,
  ]);
  return { drive, address, client, ledger, fio };
}

async function stateOf({ device }: Drive): Promise<unknown[]> {
  const { state, incarnation, hostPid } = await ring3.device(device);
  return [state, incarnation, hostPid !== null];
}

test("restart, five times under fio: nobody gets an error, no byte is lost, each driver is a new one", async () => {
  const { drive, client, ledger, fio } = await used("restarted");
  let stopped = false;
  const using = ledger.run(() => stopped, 4);
  for (let times = 1; times <= 5; times++) {
    await ledger.progress();
    const { code, out } = await ring3.cli("restart", drive.device);
    assert.deepEqual([code, out], [0, `${drive.device} is running\n`]);
    assert.deepEqual(await stateOf(drive), ["running", times + 1, true]);
  }
  await ledger.progress();
  stopped = true;
  await using;
  await client.close();
  const { code, err } = await fio;
  assert.deepEqual([code, err], [0, ""]);
  assert.ok(drive.bytes(0, BLOCKS * BLOCK_BYTES).equals(ledger.expected()));
});

test("stop under fio: fio and every other client get errors, start brings the disk back at the same address", async () => {
  const { drive, address, ledger, client, fio } = await used("stopped", ...ENDLESS);
  const failed = assert.rejects(
    ledger.run(() => false, 4),
    NbdError,
  );
  await ledger.progress();
  assert.equal((await ring3.cli("stop", drive.device)).out, `${drive.device} is stopped\n`);
  await failed;
  client.drop();
  assert.ok((await fio).code! > 0); // by itself, and with an error
  assert.deepEqual(await stateOf(drive), ["stopped", 1, false]);
  assert.deepEqual((await ring3.device(drive.device)).units, []);

  assert.equal((await ring3.cli("start", drive.device)).out, `${drive.device} is running\n`);
  assert.equal((await life.served(drive)).units[0]!.endpoints[0]!.address, address);
  assert.equal((await run("nbdinfo", ["--size", address])).out.trim(), `${32 * MIB}`);
  assert.deepEqual(await stateOf(drive), ["running", 2, true]);
});

test("restart of a stopped device starts it; stop of a stopped one leaves it", async () => {
  const drive = await ring3.plug("twice", "--create", "8M");
  await life.served(drive);
  await ring3.cli("stop", drive.device);
  assert.equal((await ring3.cli("stop", drive.device)).code, 0);
  assert.equal((await ring3.cli("restart", drive.device)).out, `${drive.device} is running\n`);
  assert.deepEqual(await stateOf(drive), ["running", 2, true]);
});

test("stop while requests wait for a dead driver: they fail, and none comes back", async () => {
  const { drive, ledger, client, fio } = await used("dead", ...ENDLESS);
  const failed = assert.rejects(
    ledger.run(() => false, 4),
    NbdError,
  );
  await ledger.progress();
  process.kill((await ring3.device(drive.device)).hostPid!, "SIGKILL");
  await ring3.manager.ask("stop", { device: drive.device }); // at once: a program of its own would come after the next driver
  await failed;
  client.drop();
  assert.ok((await fio).code! > 0); // by itself, and with an error
  const [state, , runs] = await stateOf(drive);
  assert.deepEqual([state, runs], ["stopped", false]);
});
