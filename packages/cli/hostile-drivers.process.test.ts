// Runs in: tests. Owns: one ring3 with drivers that misbehave, each on a simulated drive of its own, beside one that does not.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { blockClass, connect, DeviceError, type Ring3 } from "@ring3/client";
import { DriversLife, socketOf } from "./drivers-life.fixture.ts";
import { nameOf, quarantined, serving, writeDrivers } from "./hostile-drivers.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "r3-drivers-"));
const named = (drivers: object) =>
  Object.fromEntries(Object.entries(drivers).map(([title, driver]) => [nameOf(title), driver]));
let ring3: RunningRing3;
let life: DriversLife;
let client: Ring3;
let beside: Beside;

/** A drive with an ordinary driver that is written and read all the while. */
class Beside {
  readonly #drive: Drive;
  readonly #processes: unknown;
  readonly #work: Promise<void>;
  #stopping = false;
  rounds = 0;

  constructor(drive: Drive, disk: NbdClient, processes: unknown) {
    this.#drive = drive;
    this.#processes = processes;
    this.#work = this.#run(disk);
    this.#work.catch(() => {}); // looked at in the end
  }

  async #run(disk: NbdClient): Promise<void> {
    for (; !this.#stopping; this.rounds++) {
      const bytes = Buffer.alloc(65_536, this.rounds);
      const offset = (this.rounds % 32) * bytes.length;
      await disk.write(offset, bytes);
      assert.ok(bytes.equals(await disk.read(offset, bytes.length)));
    }
    await disk.close();
  }

  async end(): Promise<void> {
    this.#stopping = true;
    await this.#work;
    const { state, incarnation } = await ring3.device(this.#drive.device);
    assert.deepEqual([state, incarnation], ["running", 1]);
    assert.deepEqual(await processes(), this.#processes);
  }
}

async function processes(): Promise<unknown> {
  const { keeperPid, manager, reflectors } = await ring3.status();
  return [keeperPid, manager.pid, reflectors];
}

before(async () => {
  const declining = { declines: { code: `drive(() => decline("not one of mine"))` } };
  writeDrivers(folder, named({ ...quarantined, ...serving, ...declining }));
  ring3 = await RunningRing3.start({ args: ["--drivers", folder] });
  life = await DriversLife.of(ring3);
  client = await connect({ stateDir: ring3.directory });
  const drive = await ring3.plug("beside");
  const disk = await NbdClient.connect(socketOf(await life.served(drive)));
  beside = new Beside(drive, disk, await processes());
});

after(async () => {
  client.close();
  life.close();
  await ring3.stop();
  rmSync(folder, { recursive: true });
});

const plug = (title: string) => ring3.plug(nameOf(title), "--serial", nameOf(title));

const kinds: Readonly<Record<string, readonly [lba: number, kind: string, incarnation: number]>> = {
  "a handler that throws": [19, "internal", 1],
  "a handler with a negative length": [16, "internal", 1],
  "a handler with a length beyond the room": [17, "internal", 1],
  "a handler whose length is no number": [18, "internal", 1],
  "a handler that exits": [15, "poison", 4],
  "a handler that loops": [13, "poison", 7],
  "a handler that never answers": [14, "poison", 10],
};

describe("a driver that", { concurrency: 8 }, () => {
  test("breaks on single requests fails these to their callers, after solo replays where it dies of them, and answers all others", async () => {
    const { device } = await plug("has a bad sector");
    await ring3.reached(device, "running");
    const unit = await client.open(`${device}#0`, blockClass, "write");
    const { medium } = unit.properties;
    const read = (lba: number) =>
      unit.request("read", { lba, count: 1, medium }, { length: 512, deadlineMs: 1000 });
    for (const [title, [lba, kind, incarnation]] of Object.entries(kinds)) {
      const others = Array.from({ length: 8 }, (_, index) => read(20 + index));
      await assert.rejects(
        read(lba),
        (error: DeviceError) => error instanceof DeviceError && error.kind === kind,
        title,
      );
      for (const [index, { data }] of (await Promise.all(others)).entries())
        assert.ok(data.every((byte) => byte === 20 + index));
      const status = await ring3.reached(device, "running");
      assert.deepEqual([title, status.incarnation], [title, incarnation]);
    }
    await unit.close();
  });

  for (const [title, { reason, log }] of Object.entries(quarantined))
    test(`${title} is quarantined after five failures, with the reason in status and log`, async () => {
      const { device } = await plug(title);
      const found = await ring3.reached(device, "quarantined");
      const last = found.reason.replace(/^5 failures in a row; the last: /, "");
      assert.match(last, reason);
      assert.deepEqual(
        [found.driver, found.incarnation, found.hostPid, found.units],
        [nameOf(title), 5, null, []],
      );
      assert.match(await ring3.log(device), log ?? new RegExp(`warn: driver failed: ${last.slice(0, 6)}`));
    });

  test("mends itself is started again by `ring3 restart`, which explain names", async () => {
    const { device } = await plug("mends itself");
    await ring3.reached(device, "quarantined");
    assert.match((await ring3.cli("explain", device)).out, new RegExp(`ring3 restart ${device}`));
    const { code, out } = await ring3.cli("restart", device);
    assert.deepEqual([code, out], [0, `${device} is running\n`]);
    assert.equal((await ring3.device(device)).incarnation, 6);
  });

  test("forks is refused, and serves", async () => {
    const { device } = await plug("forks");
    await ring3.reached(device, "running");
    assert.match(await ring3.log(device), /spawn: EPERM/);
  });

  test("wants another sdk is passed over for the next best, and explain says why", async () => {
    const { device } = await plug("wants another sdk");
    const { driver } = await ring3.reached(device, "running");
    assert.equal(driver, "usb-storage");
    const { out } = await ring3.cli("explain", device);
    assert.match(out.replace(/\s+/g, " "), /sdk: this is 0\.1\.0, the driver wants \^9\.0\.0/);
  });

  test("speaks in escapes is read without them", async () => {
    const { device } = await plug("speaks in escapes");
    await life.restarted({ device }, 2);
    const said = await Promise.all(
      [
        ["status"],
        ["status", "--json"],
        ["logs", device],
        ["logs", device, "--json"],
        ["explain", device],
      ].map(async ([verb, ...args]) => (await ring3.cli(verb!, ...args)).out),
    );
    assert.match(
      said[2]!,
      /\[2Jdrowssap31m.*driver failed: probe: probe threw Error: \[31mred second line third.*driver failed: crash: \[32mgreen at 1mbold/s,
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    for (const text of said) assert.doesNotMatch(text, /[\0-\t\v-\x1f\x7f-\x9f\u202e\u2028]|\\u00/);
  });

  test("floods the log and its clients goes on, and others' entries stay", async () => {
    const drive = await plug("floods");
    const disk = await NbdClient.connect(socketOf(await life.served(drive)));
    for (let round = 0; round < 50; round++) assert.equal((await disk.read(0, 512))[0], 7);
    await disk.close();
    const lines = (await ring3.log(drive.device)).split("\n");
    assert.ok(lines.length < 1000, `${lines.length} lines`);
    assert.match(lines.join("\n"), /warn: the driver logs too much: \d{3,} lines left out/);
    assert.deepEqual(
      [(await ring3.device(drive.device)).state, (await ring3.device(drive.device)).incarnation],
      ["running", 1],
    );
  });
});

test("a driver that declines its device leaves it to the next that matches", async () => {
  const drive = await plug("declines");
  const disk = await NbdClient.connect(socketOf(await life.served(drive)));
  assert.equal((await disk.read(0, 512)).length, 512);
  await disk.close();
  const { driver, incarnation } = await ring3.device(drive.device);
  assert.deepEqual([driver, incarnation], ["usb-storage", 2]);
  assert.match((await ring3.cli("explain", drive.device)).out, /declines .*declined it: not one of mine/s);
  assert.match((await ring3.cli("crashes", "--json")).out, new RegExp(`^(?!.*${drive.device}")`, "s"));
});

test("the drive beside them was served all the while, by the same processes", async () => {
  await beside.end();
  assert.ok(beside.rounds > 100, `${beside.rounds} rounds`);
});
