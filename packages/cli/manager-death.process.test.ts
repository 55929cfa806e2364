// Runs in: tests. Owns: a ring3 whose manager is killed while programs use its disks.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { blockClass, connect } from "@ring3/client";
import { seeded } from "@ring3/core/chance";
import { BLOCK_BYTES, type Disk, DiskLedger } from "./disk-ledger.fixture.ts";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { descendants, left, managerBelow } from "./process-tree.fixture.ts";
import { cli, type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const BLOCKS = 512;
/** Those who had opened something at a manager that died have ten seconds to come back. */
const WITHOUT_A_WAIT_MS = 8000;
/** What the keeper gives the rest when it goes. */
const END_MS = 2000;
/** A manager that has lived for so long is the first of a new row. */
const HEALTHY_MS = 2000;

/** Through NBD, and as an application with a channel of its own: both check every byte. */
async function users(ring3: RunningRing3, nbd: Drive, direct: Drive, seed: number) {
  const life = await DriversLife.of(ring3);
  const status = await life.served(nbd);
  await life.served(direct);
  const client = await NbdClient.connect(socketOf(status));
  const application = await connect({ stateDir: ring3.directory });
  const unit = await application.open(`${direct.device}#0`, blockClass, "write");
  const range = (offset: number, length: number) => {
    const { sectorBytes, medium } = unit.properties;
    return { lba: offset / sectorBytes, count: length / sectorBytes, medium };
  };
  const disk: Disk = {
    read: async (offset, length) => (await unit.request("read", range(offset, length), { length })).data,
    write: (offset, data) => unit.request("write", { ...range(offset, data.length), fua: 0 }, { data }),
  };
  const ledgers = [client, disk].map((disk, index) => new DiskLedger(disk, 0, BLOCKS, seeded(seed + index)));
  let stopped = false;
  const running = Promise.all(ledgers.map((ledger) => ledger.run(() => stopped, 4)));
  running.catch(() => {}); // told by `stop`
  return {
    life,
    status,
    ledgers,
    async stop() {
      stopped = true;
      await running;
      await client.flush();
      await client.close();
      await unit.request("flush", { medium: unit.properties.medium });
      await unit.close();
      application.close();
      life.close();
      for (const [index, drive] of [nbd, direct].entries())
        assert.ok(
          drive.bytes(0, BLOCKS * BLOCK_BYTES).equals(ledgers[index]!.expected()),
          `bytes of ${drive.device}`,
        );
    },
  };
}

async function twoDrives(ring3: RunningRing3): Promise<[Drive, Drive]> {
  return [await ring3.plug("nbd", "--create", "16M"), await ring3.plug("direct", "--create", "16M")];
}

test("SIGKILL of the manager, ten times: no request fails, no byte is wrong, drivers and reflector live on", async () => {
  await using ring3 = await RunningRing3.start();
  const [nbd, direct] = await twoDrives(ring3);
  const { life, ledgers, status, stop } = await users(ring3, nbd, direct, 1);
  const before = await ring3.status();
  for (let times = 0; times < 10; times++) {
    await pause(times * 20);
    await ring3.killManager();
    await Promise.all(ledgers.map((ledger) => ledger.progress()));
    if (times % 2 === 1) await pause(HEALTHY_MS); // the next death is no third in a row
  }
  for (const drive of [nbd, direct]) await life.served(drive); // the reflector tells the last manager of its endpoints
  const after = await ring3.status();
  assert.deepEqual(
    after.devices.map(({ hostPid, incarnation, state, units }) => ({ hostPid, incarnation, state, units })),
    before.devices.map(({ hostPid, incarnation, state, units }) => ({ hostPid, incarnation, state, units })),
  );
  assert.deepEqual(after.reflectors, before.reflectors);
  await life.kill(nbd); // whom the last manager has never started is replaced by it
  await life.kill(direct);
  await Promise.all(ledgers.map((ledger) => ledger.progress()));
  assert.equal((await ring3.device(nbd.device)).incarnation, status.incarnation + 1);
  await stop();
});

test("SIGKILL of manager and drivers, together and shortly after one another: no request fails, no byte is wrong", async () => {
  await using ring3 = await RunningRing3.start();
  const [nbd, direct] = await twoDrives(ring3);
  const { ledgers, stop } = await users(ring3, nbd, direct, 3);
  for (const [driverAfter, managerAfter] of [
    [0, 0],
    [0, 8],
    [0, 25],
    [0, 60],
    [30, 0],
    [5, 0],
  ] as const) {
    const { manager, devices } = await ring3.status();
    const killDrivers = async () => {
      await pause(driverAfter);
      for (const { hostPid } of devices) if (hostPid !== null) process.kill(hostPid, "SIGKILL");
    };
    const kill = async () => {
      await pause(managerAfter);
      process.kill(manager.pid, "SIGKILL");
    };
    await Promise.all([killDrivers(), kill()]);
    for (const drive of [nbd, direct]) await ring3.reached(drive.device, "running");
    await Promise.all(ledgers.map((ledger) => ledger.progress()));
    await pause(HEALTHY_MS);
  }
  await stop();
});

test("what a person has stopped or suspended stays so, and what waited for it goes on after", async () => {
  await using ring3 = await RunningRing3.start();
  const [stopped, suspended] = await twoDrives(ring3);
  const life = await DriversLife.of(ring3);
  await life.served(suspended);
  await life.served(stopped);
  await ring3.cli("stop", stopped.device);
  await ring3.cli("suspend", suspended.device);
  const application = await connect({ stateDir: ring3.directory });
  const unit = await application
    .open(`${suspended.device}#0`, blockClass, "read")
    .catch((error: Error) => error);
  const before = await ring3.status();
  await ring3.killManager();
  const { devices } = await ring3.status();
  assert.deepEqual(
    devices.map(({ state, reason, hostPid }) => [state, reason, hostPid]),
    before.devices.map(({ state, reason, hostPid }) => [state, reason, hostPid]),
  );
  await ring3.cli("resume", suspended.device);
  await ring3.cli("start", stopped.device);
  assert.ok(!(unit instanceof Error), String(unit));
  const { data } = await unit.request(
    "read",
    { lba: 0, count: 1, medium: unit.properties.medium },
    { length: 512 },
  );
  assert.equal(data.length, 512);
  await unit.close();
  application.close();
  await life.served(stopped);
  life.close();
});

test("commands that wait, follow and attach go on with the next manager; who does not come back is let go", async () => {
  await using ring3 = await RunningRing3.start();
  const [mine, forsaken] = await twoDrives(ring3);
  const life = await DriversLife.of(ring3);
  await life.served(mine);
  await life.served(forsaken);
  forsaken.attachment = undefined; // nobody will say again that it is plugged in
  const waited = cli(
    "wait",
    forsaken.device,
    "--state",
    "gone",
    "--timeout",
    "1m",
    "--state-dir",
    ring3.directory,
  );
  const vanished = life.removed(forsaken);
  await pause(500);
  await ring3.killManager();
  assert.deepEqual(
    (await ring3.status()).devices.map(({ state }) => state),
    ["running", "running"],
  );
  await vanished;
  assert.equal((await waited).code, 0, (await waited).err);
  assert.equal((await ring3.device(mine.device)).state, "running");
  life.close();
});

test("SIGTERM to a ring3 of the third manager ends all in order; SIGKILL of its keeper ends all at once", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const ring3 = await RunningRing3.start();
    const drive = await ring3.plug("disk");
    const life = await DriversLife.of(ring3);
    await life.served(drive);
    life.close();
    for (let times = 0; times < 2; times++) await ring3.killManager();
    const pids = descendants(ring3.keeperPid);
    if (signal === "SIGTERM") {
      await ring3.stop(); // asserts exit code 0
      assert.deepEqual(left(ring3.directory, pids), []);
      continue;
    }
    process.kill(ring3.keeperPid, "SIGKILL");
    await eventually(
      "the end of everything",
      () => (left(ring3.directory, pids).length === 0 ? true : undefined),
      END_MS,
    );
    await ring3.ended();
    await ring3.stop();
  }
});

test("SIGKILL of manager and reflector together: the next reflector finds nothing in use, and does not wait for the dead one", async () => {
  await using ring3 = await RunningRing3.start();
  const drive = await ring3.plug("disk");
  const life = await DriversLife.of(ring3);
  const socket = socketOf(await life.served(drive));
  const before = await NbdClient.connect(socket);
  await before.read(0, 512);
  const { manager, reflectors } = await ring3.status();
  for (const { pid } of [manager, ...reflectors]) process.kill(pid, "SIGKILL");
  const again = async () => {
    const disk = await NbdClient.connect(socket);
    const read = await disk.read(0, 512);
    await disk.close();
    return read;
  };
  await eventually("a read", () => again().catch(() => undefined), WITHOUT_A_WAIT_MS);
  life.close();
});

test("what a device went through is told by the next manager as by the one that died, whose death is no gap", async () => {
  await using ring3 = await RunningRing3.start();
  const drive = await ring3.plug("disk");
  const life = await DriversLife.of(ring3);
  await life.served(drive);
  await life.kill(drive);
  await life.kill(drive, "SIGSEGV");
  const history = () => ring3.manager.ask("history", { device: drive.device });
  const states = (passages: readonly { state: string }[]) => passages.map(({ state }) => state);
  const before = await history();
  const { incarnation, hostPid } = await ring3.device(drive.device);
  assert.deepEqual(
    before.passages
      .filter(({ state }) => state === "failed")
      .map(({ incarnation, reason }) => [incarnation, reason]),
    [
      [1, "signal: the process was ended by SIGKILL"],
      [2, "signal: the process was ended by SIGSEGV"],
    ],
  );
  for (let managers = 1; managers <= 2; managers++) {
    await ring3.killManager();
    const after = await history();
    assert.deepEqual(after.passages.slice(0, before.passages.length), before.passages);
    assert.deepEqual(after.steps, before.steps);
    const since = after.passages.slice(before.passages.length);
    assert.deepEqual(new Set(states(since)), new Set(["running"]));
    const successions = since.filter(({ reason }) => reason.startsWith("ring3's manager died"));
    assert.deepEqual(
      successions.map((passage) => [passage.incarnation, passage.hostPid]),
      Array.from({ length: managers }, () => [incarnation, hostPid]),
    );
  }
  const { out } = await ring3.cli("explain", drive.device);
  assert.match(out, /failed.*SIGSEGV/);
  await life.kill(drive);
  const { passages } = await history();
  assert.deepEqual(states(passages.slice(-3)), ["failed", "starting", "running"]);
  assert.deepEqual(passages.slice(0, before.passages.length), before.passages);
  life.close();
});

/** One that has lived for two seconds is forgiven, and on a busy machine it takes that until one answers: so each dies as soon as it is there. */
async function killOnSight(keeper: number, times: number): Promise<void> {
  let last: number | undefined;
  for (let killed = 0; killed < times && existsSync(`/proc/${keeper}`); await pause(5)) {
    const manager = managerBelow(keeper);
    if (manager === undefined || manager === last) continue;
    process.kill(manager, "SIGKILL");
    last = manager;
    killed++;
  }
}

test("managers that die one after the other: the third and later begin anew, after the fifth everything ends and says so", async () => {
  const ring3 = await RunningRing3.start();
  const drive = await ring3.plug("disk");
  const life = await DriversLife.of(ring3);
  const { hostPid } = await life.served(drive);
  life.close();
  await killOnSight(ring3.keeperPid, 3);
  const begun = await ring3.reached(drive.device, "running");
  assert.notEqual(begun.hostPid, hostPid);
  const pids = descendants(ring3.keeperPid);
  await killOnSight(ring3.keeperPid, 6); // the first of them may be the 4th in a row, or one again
  const { code, err } = await ring3.ended();
  assert.equal(code, 1);
  assert.match(
    err,
    /the manager ended with SIGKILL, the 6th in a row; everything was stopped\. Start again with: ring3 up/,
  );
  assert.deepEqual(left(ring3.directory, pids), []);
  await ring3.stop();
});
