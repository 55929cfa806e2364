// Runs in: tests. Owns: a ring3 for each placement of one driver, with two drives in each, and what becomes of one when the other fails or goes.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { seeded } from "@ring3/core/chance";
import { BLOCK_BYTES, type Disk, DiskLedger } from "./disk-ledger.fixture.ts";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { writeDrivers } from "./hostile-drivers.fixture.ts";
import { NbdClient, NbdError } from "./nbd-client.ts";
import { type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const BLOCKS = 512;
const KILLS = 8;
/** manager/main.ts: how long who had opened a disk at a manager that died has to come back. */
const RETURN_MS = 10_000;

const placed = (placement: string) => `placement: { usb-storage: "${placement}" }\n`;

/** A disk at an address, that connects again there and asks again when its connection ends. */
class Address implements Disk {
  readonly #socket: string;
  #client: Promise<NbdClient>;
  reconnections = 0;

  constructor(socket: string) {
    this.#socket = socket;
    this.#client = NbdClient.connect(socket);
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#ask((client) => client.read(offset, length));
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#ask((client) => client.write(offset, bytes));
  }

  async #ask<T>(request: (client: NbdClient) => Promise<T>): Promise<T> {
    for (;;) {
      const client = this.#client;
      try {
        return await request(await client);
      } catch (error) {
        if (!(error instanceof NbdError) || error.code !== 0) throw error; // the disk's own errors
        if (this.#client === client) this.#client = this.#reconnect();
      }
    }
  }

  #reconnect(): Promise<NbdClient> {
    this.reconnections++;
    const connect = () => NbdClient.connect(this.#socket).catch(() => undefined);
    return eventually(`a disk at ${this.#socket} again`, connect);
  }

  async close(): Promise<void> {
    const client = await this.#client;
    await client.flush();
    await client.close();
  }
}

/** A drive that is used all the time until told to stop; what was written is compared with the image then. */
async function used(ring3: RunningRing3, life: DriversLife, name: string, seed: number) {
  const drive = await ring3.plug(name, "--create", "4M");
  const disk = new Address(socketOf(await life.served(drive)));
  const ledger = new DiskLedger(disk, 0, BLOCKS, seeded(seed));
  let stopped = false;
  const using = ledger.run(() => stopped, 4);
  using.catch(() => {}); // told by `stop`
  await ledger.progress();
  const stop = async () => {
    stopped = true;
    await using;
    await disk.close();
    assert.ok(drive.bytes(0, BLOCKS * BLOCK_BYTES).equals(ledger.expected()), `bytes of ${drive.device}`);
    return disk.reconnections;
  };
  return { drive, ledger, stop };
}

for (const placement of ["isolated", "pooled:disks", "inline"]) {
  const isIsolated = placement === "isolated";
  const isInline = placement === "inline";
  test(`${placement}: killed ${KILLS} times under a verified load, no byte is lost, and the connections ${isInline ? "are made anew" : "stay"}`, async () => {
    await using ring3 = await RunningRing3.start({ config: placed(placement) });
    const life = await DriversLife.of(ring3);
    const users = [await used(ring3, life, "a", 1), await used(ring3, life, "b", 2)];
    const [a, b] = users.map(({ drive }) => drive) as [Drive, Drive];
    const before = [await ring3.device(a.device), await ring3.device(b.device)];
    assert.equal(before[0]!.hostPid === before[1]!.hostPid, !isIsolated);
    const { reflectors } = await ring3.status();
    const inline = reflectors.filter(({ driver }) => driver === "usb-storage").map(({ pid }) => pid);
    assert.deepEqual(inline, isInline ? [before[0]!.hostPid] : []);
    assert.equal(before[0]!.sandbox, isInline ? "none" : "standard");
    for (let count = 0; count < KILLS; count++) {
      if (count % 4 === 3) await Promise.all(users.map(({ ledger }) => ledger.progress()));
      await life.kill(a);
      await life.served(b);
    }
    const reconnections = [await users[0]!.stop(), await users[1]!.stop()];
    const after = [await ring3.device(a.device), await ring3.device(b.device)];
    assert.deepEqual(
      after.map(({ units }) => units),
      before.map(({ units }) => units),
    );
    assert.equal(after[1]!.incarnation > 1, !isIsolated, "the other drive's driver was started again");
    for (const times of reconnections) assert.equal(times > 0, isInline, `${times} reconnections`);
    life.close();
  });
}

const sharing = ["pooled:disks", "inline"];

for (const placement of sharing)
  test(`${placement}: one that is stopped, restarted, or unplugged and plugged in leaves the other and both addresses alone`, async () => {
    await using ring3 = await RunningRing3.start({ config: placed(placement) });
    const life = await DriversLife.of(ring3);
    const [a, b] = [await used(ring3, life, "a", 3), await used(ring3, life, "b", 4)];
    const before = await ring3.device(b.drive.device);
    const { incarnation } = await ring3.device(a.drive.device);
    await ring3.manager.ask("restart", { device: a.drive.device });
    assert.ok((await ring3.reached(a.drive.device, "running")).incarnation > incarnation);
    await a.ledger.progress();
    await a.drive.say("unplug");
    await pause(200);
    await a.drive.say("plug");
    await a.ledger.progress();
    await life.served(a.drive);
    assert.equal(await a.stop(), 0);
    await ring3.manager.ask("stop", { device: a.drive.device });
    assert.equal((await ring3.device(a.drive.device)).state, "stopped");
    await b.ledger.progress();
    const after = await ring3.device(b.drive.device);
    assert.deepEqual([after.hostPid, after.incarnation], [before.hostPid, 1]);
    assert.equal(await b.stop(), 0);
    assert.ok(existsSync(`/proc/${before.hostPid}`));
    await ring3.manager.ask("stop", { device: b.drive.device });
    await eventually(`${placement}: the end of what nobody is in, but for a reflector`, () =>
      existsSync(`/proc/${before.hostPid}`) === (placement === "inline") ? true : undefined,
    );
    await ring3.manager.ask("start", { device: a.drive.device, take: false });
    await life.served(a.drive);
    life.close();
  });

for (const placement of sharing)
  test(`${placement}: two managers die, and the drivers and connections go on; then a third drive comes beside them`, async () => {
    await using ring3 = await RunningRing3.start({ config: placed(placement) });
    const life = await DriversLife.of(ring3);
    const users = [await used(ring3, life, "a", 5), await used(ring3, life, "b", 6)];
    const { hostPid } = await ring3.device(users[0]!.drive.device);
    for (let deaths = 0; deaths < 2; deaths++) {
      await pause(2200); // a manager that has lived so long is the first of a new row
      await ring3.killManager();
      await Promise.all(users.map(({ ledger }) => ledger.progress()));
    }
    const third = await used(ring3, life, "c", 7);
    const all = [...users, third];
    const found = await Promise.all(all.map(({ drive }) => ring3.device(drive.device)));
    assert.deepEqual(
      found.map((each) => [each.hostPid, each.incarnation]),
      all.map(() => [hostPid, 1]),
    );
    await life.kill(third.drive);
    for (const { drive, ledger } of all) {
      await life.served(drive);
      await ledger.progress();
    }
    for (const { stop } of all) assert.equal((await stop()) > 0, placement === "inline");
    life.close();
  });

for (const placement of sharing)
  test(`${placement}: drivers and their process end together when their manager died over the process's own end, and go on at once`, async () => {
    await using ring3 = await RunningRing3.start({ config: placed(placement) });
    const life = await DriversLife.of(ring3);
    const users = [await used(ring3, life, "a", 8), await used(ring3, life, "b", 9)];
    const { manager } = await ring3.status();
    const { hostPid } = await ring3.device(users[0]!.drive.device);
    const began = performance.now();
    process.kill(manager.pid, "SIGSTOP");
    process.kill(hostPid!, "SIGKILL");
    process.kill(manager.pid, "SIGKILL");
    await Promise.all(users.map(({ ledger }) => ledger.progress()));
    const took = performance.now() - began;
    assert.ok(took < RETURN_MS, `${Math.round(took)} ms: the dead reflector was waited for`);
    for (const { stop } of users) assert.equal((await stop()) > 0, placement === "inline");
    life.close();
  });

/** A ring3 with these drivers beside its own. */
async function withDrivers(drivers: Parameters<typeof writeDrivers>[1], config = ""): Promise<RunningRing3> {
  const folder = mkdtempSync(join(tmpdir(), "ring3-placements-"));
  writeDrivers(folder, drivers);
  const ring3 = await RunningRing3.start({ args: ["--drivers", folder], config });
  rmSync(folder, { recursive: true });
  return ring3;
}

/** They fail when this block is read. */
const LBA = 8;
const throwing = `drive(() => ({ ...unit, read({ lba }, call) {
  if (lba !== ${LBA}) return void call.data.fill(7);
  setTimeout(() => { throw new Error("lost my mind"); });
  return new Promise(() => {});
} }))`;
const spinning = `drive(() => ({ ...unit, read({ lba }, call) { while (lba === ${LBA}); call.data.fill(7); } }))`;

for (const [what, code, reason] of [
  ["throws", throwing, /crash: Error: lost my mind at .*driver:faulty:\d+:\d+/],
  ["hangs", spinning, /heartbeat: no heartbeat for \d+ ms/],
] as const)
  test(`a driver that ${what} in its pool is quarantined for it; the one beside it is started again each time, and goes on`, async () => {
    const manifest = { placement: "pooled:both" };
    await using ring3 = await withDrivers({
      faulty: { code, manifest },
      fine: { code: "drive(() => unit)", manifest },
    });
    const life = await DriversLife.of(ring3);
    const faulty = await ring3.plug("x", "--serial", "faulty");
    const fine = await ring3.plug("y", "--serial", "fine");
    const client = await NbdClient.connect(socketOf(await life.served(faulty)));
    const other = await NbdClient.connect(socketOf(await life.served(fine)));
    assert.equal((await ring3.device(faulty.device)).hostPid, (await ring3.device(fine.device)).hostPid);
    await assert.rejects(client.read(LBA * 512, 512), NbdError); // poison, alone in flight
    await eventually("a quarantine", async () => {
      await client.read(LBA * 512, 512).catch(() => {});
      return (await ring3.device(faulty.device)).state === "quarantined" || undefined;
    });
    assert.deepEqual(new Set(await other.read(0, 512)), new Set([7]));
    const { state, incarnation } = await ring3.device(fine.device);
    assert.deepEqual([state, incarnation], ["running", 6]);
    assert.match(await ring3.log(faulty.device), reason);
    const failures = (await ring3.log(fine.device)).split("\n").filter((line) => /driver failed/.test(line));
    assert.equal(failures.length, 5);
    const told = /driver failed: exit: its process was ended: usb-x:1\.0 \(faulty\) failed: /;
    for (const failure of failures) assert.match(failure, told);
    await other.close();
    life.close();
  });

for (const [what, code, limits] of [
  ["throws", `drive(() => { throw new Error("not this one"); })`, {}],
  ["never returns", `drive(() => new Promise(() => {}))`, { probeMs: 300 }],
] as const)
  test(`a driver whose probe ${what} in its pool is quarantined for it, and the one beside it does not notice`, async () => {
    const placement = "pooled:both";
    await using ring3 = await withDrivers({
      faulty: { code, manifest: { placement, limits } },
      fine: { code: "drive(() => unit)", manifest: { placement } },
    });
    const life = await DriversLife.of(ring3);
    const fine = await ring3.plug("y", "--serial", "fine");
    await life.served(fine);
    const { hostPid } = await ring3.device(fine.device);
    const faulty = await ring3.plug("x", "--serial", "faulty");
    await ring3.reached(faulty.device, "quarantined");
    const after = await ring3.device(fine.device);
    assert.deepEqual([after.state, after.incarnation, after.hostPid], ["running", 1, hostPid]);
    life.close();
  });

for (const [what, code] of [
  ["throws", throwing],
  ["hangs", spinning],
] as const)
  test(`an inline driver that ${what} ends its connections; the report says where it stood, and the address serves again`, async () => {
    await using ring3 = await withDrivers({ faulty: { code, manifest: { placement: "inline" } } });
    const life = await DriversLife.of(ring3);
    const drive = await ring3.plug("x", "--serial", "faulty");
    const socket = socketOf(await life.served(drive));
    const client = await NbdClient.connect(socket);
    await assert.rejects(client.read(LBA * 512, 512), (error: NbdError) => error.code === 0);
    await life.restarted(drive, 1);
    assert.equal(socketOf(await life.served(drive)), socket);
    const again = await NbdClient.connect(socket);
    assert.deepEqual(new Set(await again.read(0, 512)), new Set([7]));
    await again.close();
    const report = await eventually("a crash report", async () => {
      const { out } = await ring3.cli("crashes", "--json");
      const id = (JSON.parse(out) as { id: string }[])[0]?.id;
      return id === undefined ? undefined : (await ring3.cli("crashes", id)).out;
    });
    assert.match(report, /at .*driver:faulty:\d+:\d+/);
    life.close();
  });

test("drivers of a pool in different tiers, and a strict one inline: left out, with the reason", async () => {
  const pool = { placement: "pooled:both" };
  const fine = "drive(() => unit)";
  const drivers = {
    first: { code: fine, manifest: pool },
    second: { code: fine, manifest: { ...pool, sandbox: "strict" } },
    third: { code: fine, manifest: { sandbox: "strict" } },
  };
  await using ring3 = await withDrivers(drivers, "placement: { third: inline }\n");
  for (const [serial, driver] of [
    ["first", "first"],
    ["second", "usb-storage"],
    ["third", "usb-storage"],
  ] as const) {
    const drive = await ring3.plug(serial, "--serial", serial);
    assert.equal((await ring3.reached(drive.device, "running")).driver, driver);
  }
  const { entries } = await ring3.manager.ask("logs", { device: null, follow: false });
  const left = entries
    .filter(({ message }) => message.startsWith("driver left out"))
    .map(({ message }) => message);
  assert.equal(left.length, 2);
  assert.match(left[0]!, /second: placement "pooled:both" with sandbox "strict": first is in that pool/);
  assert.match(left[1]!, /third: placement "inline" beside sandbox "strict"/);
});

test("without a sandbox, pooled and inline drivers work as well", async () => {
  for (const placement of sharing) {
    await using ring3 = await RunningRing3.start({
      config: placed(placement),
      args: ["--insecure-no-sandbox"],
    });
    const life = await DriversLife.of(ring3);
    const user = await used(ring3, life, "a", 10);
    await life.kill(user.drive);
    await user.ledger.progress();
    assert.equal((await user.stop()) > 0, placement === "inline");
    life.close();
  }
});

test("the listing says it of an inline driver", async () => {
  await using ring3 = await RunningRing3.start({ config: placed("inline") });
  const drive = await ring3.plug("a");
  await ring3.reached(drive.device, "running");
  assert.match((await ring3.cli("status")).out, /runs INLINE: no isolation/);
  const explained = JSON.parse((await ring3.cli("explain", drive.device, "--json")).out);
  assert.match(explained.placement, /^inline: in a reflector that the driver usb-storage has for itself/);
  assert.deepEqual([explained.jail, explained.processors], [null, null]);
});
