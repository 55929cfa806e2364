// Runs in: tests. Owns: a ring3 whose driver dies in every way there is, one at a time.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { seeded } from "@ring3/core/chance";
import { BLOCK_BYTES, blocksOf, DiskLedger } from "./disk-ledger.fixture.ts";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const BLOCKS = 1024;

const ring3 = await RunningRing3.start();
const life = await DriversLife.of(ring3);
after(async () => {
  life.close();
  await ring3.stop();
});

/** Fourth field of /proc/PID/stat, proc_pid_stat(5). No name here has a bracket in it. */
function parentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ")[1]);
}

/** A drive that is used all the time until told to stop; what was written is compared with the image then. */
async function used(
  name: string,
  on = { ring3, life },
): Promise<{ drive: Drive; stop: () => Promise<void> }> {
  const drive = await on.ring3.plug(name, "--create", "8M");
  const client = await NbdClient.connect(socketOf(await on.life.served(drive)));
  const ledger = new DiskLedger(client, 0, BLOCKS, seeded(1));
  let stopped = false;
  const using = ledger.run(() => stopped, 4);
  await ledger.progress();
  const stop = async () => {
    await ledger.progress();
    stopped = true;
    await using;
    await client.close();
    assert.ok(drive.bytes(0, BLOCKS * BLOCK_BYTES).equals(ledger.expected()));
  };
  return { drive, stop };
}

const self = (host: number) => host;
const init = (host: number) => parentOf(host);
const bubblewrap = (host: number) => parentOf(parentOf(host));

for (const [what, victim, signal, logged] of [
  ["SIGKILL of the driver's process", self, "SIGKILL", /ended by SIGKILL/],
  ["SIGKILL of the sandbox's init", init, "SIGKILL", /driver failed/],
  ["SIGKILL of bubblewrap", bubblewrap, "SIGKILL", /ended by SIGKILL/],
  ["SIGSEGV", self, "SIGSEGV", /ended by SIGSEGV/],
  ["SIGABRT", self, "SIGABRT", /ended by SIGABRT/],
  ["SIGTERM", self, "SIGTERM", /ended by SIGTERM/],
  ["SIGSTOP", self, "SIGSTOP", /no heartbeat for \d+ ms: the process is stopped/],
] as const)
  test(`${what} under load: one restart, no error, no byte lost`, async () => {
    const { drive, stop } = await used(`v${what.replace(/[^A-Za-z]/g, "")}`);
    process.kill(victim((await ring3.device(drive.device)).hostPid!), signal);
    await life.restarted(drive, 1);
    await stop();
    assert.equal((await ring3.device(drive.device)).incarnation, 2);
    assert.match(await ring3.log(drive.device), logged);
  });

test("a driver that is stopped and continued before it misses its heartbeat is not restarted", async (t) => {
  await using ring3 = await RunningRing3.start({ config: "limits: { time_scale: 4 }\n" });
  const life = await DriversLife.of(ring3);
  t.after(() => life.close());
  const { drive, stop } = await used("continued", { ring3, life });
  const { hostPid } = await ring3.device(drive.device);
  process.kill(hostPid!, "SIGSTOP");
  await pause(2500); // a heartbeat may be 1500 ms late without the scale, 6000 ms with it
  process.kill(hostPid!, "SIGCONT");
  await stop();
  assert.equal((await ring3.device(drive.device)).hostPid, hostPid);
});

test("SIGKILL while nothing is in flight: the next request is answered", async () => {
  const drive = await ring3.plug("idle", "--create", "8M");
  const client = await NbdClient.connect(socketOf(await life.served(drive)));
  const bytes = blocksOf(0, [1]);
  await client.write(0, bytes);
  await life.kill(drive);
  assert.ok((await client.read(0, BLOCK_BYTES)).equals(bytes));
  await client.close();
});

test("SIGKILL before the first client has come: it finds the disk", async () => {
  const drive = await ring3.plug("unused", "--create", "8M");
  const socket = socketOf(await life.served(drive));
  await life.kill(drive);
  const client = await NbdClient.connect(socket);
  assert.equal((await client.read(0, BLOCK_BYTES)).length, BLOCK_BYTES);
  await client.close();
});

test("a client that comes while the driver is dead waits and is served", async () => {
  const drive = await ring3.plug("late", "--create", "8M");
  const socket = socketOf(await life.served(drive));
  process.kill((await ring3.device(drive.device)).hostPid!, "SIGKILL");
  const client = await NbdClient.connect(socket);
  assert.equal((await client.read(0, BLOCK_BYTES)).length, BLOCK_BYTES);
  await client.close();
});

test("SIGKILL in the middle of probe, more often than a driver may fail: no fault of its own, it is started again", async () => {
  const drivers = join(ring3.folder, "drivers");
  const driver = join(drivers, "sleeper");
  mkdirSync(driver, { recursive: true });
  const manifest = { name: "sleeper", version: "1.0.0", sdk: "^0.1.0", class: "block", grants: ["usb"] };
  const match = [{ usb: { vendor: "0x1209", product: "0x0001", interface: { class: "0x08" } } }];
  writeFileSync(join(driver, "driver.json"), JSON.stringify({ ...manifest, match }));
  writeFileSync(
    join(driver, "driver.cjs"),
    `const { block, defineDriver } = require("@ring3/sdk");
     exports.default = defineDriver(block, { probe: (_, ctx) => ctx.sleep(60_000) });`,
  );
  await using own = await RunningRing3.start({ args: ["--drivers", drivers] });
  const { device } = await own.plug("probing");
  let before: number | null = null;
  for (let count = 1; count <= 6; count++) {
    const pid = await eventually(`probe ${count}`, async () => {
      const { state, hostPid } = await own.device(device);
      return state === "starting" && hostPid !== before ? (hostPid ?? undefined) : undefined;
    });
    process.kill(pid, "SIGKILL");
    before = pid;
  }
  await eventually("the seventh start", async () => {
    const { state, incarnation } = await own.device(device);
    return (state === "starting" && incarnation === 7) || undefined;
  });
});
