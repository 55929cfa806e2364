// Runs in: tests. Owns: one ring3 whose driver hosts are replaced by one that lies (packages/host/hostile-host.fixture.ts), and
// for each way to lie a simulated drive. The first incarnation lies, the second is the ordinary host.
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { blockClass, connect, type DeviceError } from "@ring3/client";
import type { Status } from "@ring3/control/status";
import { DriversLife, eventually, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient, NbdError } from "./nbd-client.ts";
import { type Drive, RunningRing3, repository, run } from "./running-ring3.fixture.ts";

const KIB = 1024;
const folder = mkdtempSync(join(tmpdir(), "r3-hostile-"));
let ring3: RunningRing3;
let life: DriversLife;
let atFirst: { status: Status; descriptors: number };

before(async () => {
  chmodSync(folder, 0o711); // the jail's users read the bundles here
  for (const file of ["manager.cjs", "keeper.cjs", "reflector.cjs", "kernel.node", "drivers"])
    cpSync(join(repository, "build", file), join(folder, file), { recursive: true });
  for (const file of ["host-code.cjs", "host-code.cache", "host-code-strict.cache"])
    writeFileSync(join(folder, file), ""); // this host is in one piece
  const bundled = await run(join(repository, `node_modules/@esbuild/linux-${process.arch}/bin/esbuild`), [
    join(repository, "packages/host/hostile-host.fixture.ts"),
    ...["--bundle", "--platform=node", "--target=node26", "--format=cjs"],
    ...["--log-override:empty-import-meta=silent", `--outfile=${join(folder, "host.cjs")}`],
  ]);
  assert.equal(bundled.code, 0, bundled.err);
  ring3 = await RunningRing3.start({ program: folder, config: "spares: 0\n" }); // a spare has descriptors too
  life = await DriversLife.of(ring3);
  const drive = await plug("honest", ".0");
  await exercise(drive);
  await ring3.manager.ask("stop", { device: drive.device });
  const status = await ring3.status();
  atFirst = { status, descriptors: descriptors(status) };
});

after(async () => {
  life.close();
  await ring3.stop();
  rmSync(folder, { recursive: true });
});

/** That manager and reflector hold. */
function descriptors({ manager, reflectors }: Status): number {
  const pids = [manager.pid, ...reflectors.map(({ pid }) => pid)];
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
}

const plug = (way: string, hostileUntil: string) => ring3.plug(way, "--serial", `${way}${hostileUntil}`);

/** Writes, reads and flushes over NBD at once: what is read must be the zeroes that were there, what is written must arrive. */
async function exercise(drive: Drive): Promise<void> {
  const disk = await NbdClient.connect(socketOf(await life.served(drive)));
  const written = Buffer.alloc(64 * KIB, 0xa5);
  const writes = [0, 1, 2, 3].map((index) => disk.write(index * written.length, written));
  const reads = [8, 9, 10, 11].map((index) => disk.read(index * written.length, written.length));
  for (const bytes of await Promise.all(reads)) assert.ok(bytes.every((byte) => byte === 0));
  await Promise.all(writes);
  await disk.flush();
  await disk.close();
  assert.ok(drive.bytes(0, 4 * written.length).every((byte) => byte === 0xa5));
}

/** By way: what the log says of the first incarnation's end. */
const exposed: Readonly<Record<string, RegExp>> = {
  "garbage-words": /malformed: /,
  "completion-head": /malformed: producer index claims 65 entries in a ring of 64/,
  "event-head": /malformed: producer index claims 2147483648 entries in a ring of 256/,
  "submission-tail": /malformed: consumer index leaves \d+ entries in a ring of 128/,
  "empty-entries": /malformed: completion of generation 0, expected 1/,
  "wrong-generation": /malformed: completion of generation 77, expected 1/,
  "wrong-operation": /malformed: completion of operation 9, expected 1/,
  "wrong-slot": /malformed: completion for slot 4096/,
  "wrong-sequence": /malformed: completion for a request that is not in flight on slot \d+/,
  "too-long": /malformed: completion with 1048576 bytes where 65536 were asked for/,
  "far-too-long": /malformed: completion with 4294967295 bytes where 65536 were asked for/,
  "unknown-outcome": /malformed: completion with unknown outcome 999/,
  "another-slot": /malformed: completion for a request that is not in flight on slot \d+/,
  twice: /malformed: completion for a request that is not in flight on slot \d+/,
  "unknown-event": /malformed: unknown event 200/,
  "event-of-another": /malformed: event of generation 77/,
  "impossible-event": /malformed: sectors: a 64-bit integer beyond 2\^53-1/,
  "doorbell-flood": /malformed: doorbell rung without a request/,
  "garbage-frames": /malformed: frame: expected at most 4194304 bytes, found \d+/,
  "no-json": /malformed: control message: expected UTF-8 JSON, found 7 bytes/,
  "four-megabytes": /malformed: control message: expected at most 32 levels of nesting/,
  "unknown-notice": /malformed: host connection: expected a known notice, found "surrender"/,
  "asks-the-manager": /malformed: host connection: expected no questions, found one/,
  "unasked-answer": /malformed: host connection: expected an answer to a request in flight, found id 99999/,
  prototype: /malformed: host connection: expected a known notice, found "__proto__"/,
  "descriptors-with-a-notice":
    /malformed: host connection: expected no descriptors with "disconnected", found 1/,
  "many-descriptors": /malformed: receive on a connection: /,
  "descriptors-without-a-frame": /malformed: frame: expected at most \d+ descriptors, found \d+/,
  "answers-with-descriptors":
    /malformed: host connection: expected 0 descriptors in the answer to probe, found 2/,
  "answers-nonsense": /malformed: host connection: probe.units: expected a list, found "many"/,
  "impossible-disk": /probe: unit 0: sectorBytes: expected a power of two from 512 to 65536, found 0/,
  "impossible-change": /malformed: change of unit 0: sectors: expected .*, found -1/,
  "says-gone": /grant: the device went away/,
  cries: /crash: \[31mwolf x{1000}/,
  "closes-its-connection": /malformed: its control connection is closed and it lives on/,
  "refuses-channels": /malformed: refused a channel: not today/,
  "answers-no-open": /deadline: it has not answered "open" within 10000 ms/,
  "poisoned-state": /exit: the process ended with code 1/,
};

describe("a driver host with the way to lie", { concurrency: 8 }, () => {
  for (const [way, reason] of Object.entries(exposed))
    test(`${way} is found out, and its successor answers what it was asked`, async () => {
      const drive = await plug(way, ".1");
      await exercise(drive);
      const { incarnation, state } = await ring3.device(drive.device);
      assert.deepEqual([state, incarnation], ["running", 2]);
      assert.match(await ring3.log(drive.device), new RegExp(`warn: driver failed: ${reason.source}`));
    });

  test("answers-no-close is ended, and others may open the unit", async () => {
    const drive = await plug("answers-no-close", ".1");
    const socket = socketOf(await life.served(drive));
    const first = await NbdClient.connect(socket);
    assert.ok((await first.read(0, 4096)).every((byte) => byte === 0));
    await first.close();
    const second = await NbdClient.connect(socket);
    await second.write(0, Buffer.alloc(512, 1));
    await second.close();
    assert.match(
      await ring3.log(drive.device),
      /driver failed: deadline: it has not answered "close" within 10000 ms/,
    );
  });

  for (const way of ["hangs-with-a-pulse", "lies-about-progress"])
    test(`${way} is ended by the requests' deadlines, and what it never answers is poison`, async () => {
      const drive = await plug(way, "");
      await ring3.reached(drive.device, "running");
      using client = await connect({ stateDir: ring3.directory }); // complaints are counted by connection
      const unit = await client.open(`${drive.device}#0`, blockClass, "write");
      const { medium } = unit.properties;
      const read = () => unit.request("read", { lba: 0, count: 1, medium }, { length: 512, deadlineMs: 200 });
      await Promise.all(
        [read(), read()].map((request) =>
          assert.rejects(request, ({ kind }: DeviceError) => kind === "poison"),
        ),
      );
      const failures = [
        ...(await ring3.log(drive.device)).matchAll(
          /driver failed: deadline: read passed its deadline of 200 ms, says process/g,
        ),
      ];
      assert.equal(failures.length, 4); // two together, then each alone
      await ring3.reached(drive.device, "running");
      await unit.close();
    });

  test("wrong-generation for good is quarantined: requests fail, the endpoint closes, a restart tries again", async () => {
    const drive = await ring3.plug("for-good", "--serial", "wrong-generation");
    const socket = socketOf(await life.served(drive));
    const disk = await NbdClient.connect(socket);
    // The first two are poison, after three and four failures; the fifth ends the device.
    const reads = [0, 1, 2, 3, 4].map((index) => assert.rejects(disk.read(index * 4096, 4096), NbdError));
    await Promise.all(reads);
    const { reason, units } = await ring3.reached(drive.device, "quarantined");
    assert.match(
      reason,
      /^5 failures in a row; the last: malformed: completion of generation 77, expected 5$/,
    );
    assert.deepEqual(units, []);
    await assert.rejects(NbdClient.connect(socket), { code: "ENOENT" });
    assert.equal((await ring3.cli("restart", drive.device)).out, `${drive.device} is running\n`);
    assert.equal((await ring3.device(drive.device)).incarnation, 6);
  });

  test("log-flood fills neither log nor manager", async () => {
    const drive = await plug("log-flood", "");
    const disk = await NbdClient.connect(socketOf(await life.served(drive)));
    const log = await eventually("lines left out", async () => {
      const text = await ring3.log(drive.device);
      return /logs too much: \d{2,} lines left out/.test(text) ? text : undefined;
    });
    assert.ok(log.split("\n").length < 1000);
    const waits: number[] = [];
    for (let asked = 0; asked < 3; asked++) {
      const since = performance.now();
      await ring3.status();
      waits.push(performance.now() - since);
    }
    const [, median] = waits.toSorted((a, b) => a - b);
    assert.ok(median! < 2000, waits.join()); // one may be the machine's
    assert.equal((await ring3.cli("stop", drive.device)).out, `${drive.device} is stopped\n`);
    disk.drop();
  });

  test("ignores-signals and every request is ended by `ring3 stop` all the same", async () => {
    const drive = await plug("ignores-signals", "");
    const { hostPid } = await life.served(drive);
    const disk = await NbdClient.connect(socketOf(await ring3.device(drive.device)));
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.kill(hostPid!, signal);
    assert.equal((await ring3.cli("stop", drive.device)).out, `${drive.device} is stopped\n`);
    assert.throws(() => process.kill(hostPid!, 0), { code: "ESRCH" });
    disk.drop();
  });
});

test("the same manager and reflector have lived through it all, and hold no descriptor more", async () => {
  const { keeperPid, manager, reflectors, devices } = await ring3.status();
  assert.deepEqual(
    [keeperPid, manager.pid, reflectors],
    [atFirst.status.keeperPid, atFirst.status.manager.pid, atFirst.status.reflectors],
  );
  await Promise.all(devices.map(({ id }) => ring3.manager.ask("stop", { device: id })));
  await eventually("descriptors given back", async () => {
    const now = descriptors(await ring3.status());
    return now <= atFirst.descriptors + devices.length ? now : undefined; // each device has its state memory
  });
});
