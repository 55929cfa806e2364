// Runs in: tests. Owns: a ring3 whose disks are pulled out and put back while clients use them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { seeded } from "@ring3/core/chance";
import { BLOCK_BYTES, blocksOf, DiskLedger } from "./disk-ledger.fixture.ts";
import { DriversLife, eventually, pause, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient, NbdError } from "./nbd-client.ts";
import { type Drive, RunningRing3, repository, run } from "./running-ring3.fixture.ts";

const MIB = 2 ** 20;
const GRACE_MS = 1500;
const BLOCKS = 1024;

const ring3 = await RunningRing3.start({ config: `limits: { replug_grace: ${GRACE_MS}ms }` });
const life = await DriversLife.of(ring3);
after(async () => {
  life.close();
  await ring3.stop();
});

/** A disk whose blocks all say that they are of version 7. */
function fullImage(name: string, blocks: number): string {
  const file = join(ring3.folder, name);
  writeFileSync(file, blocksOf(0, new Uint32Array(blocks).fill(7)));
  return file;
}

async function plug(name: string, ...args: string[]) {
  const drive = await ring3.plug(name, "--create", "32M", ...args);
  const status = await life.served(drive);
  return { drive, socket: socketOf(status), address: status.units[0]!.endpoints[0]!.address };
}

const listed = async ({ device }: Drive) => (await ring3.status()).devices.some(({ id }) => id === device);

test("unplugged in mid-transfer: requests wait, fail when the grace is over, and the endpoint closes", async () => {
  const { drive, socket, address } = await plug("pulled");
  const client = await NbdClient.connect(socket);
  const failed: number[] = [];
  const ledger = new DiskLedger(client, 0, BLOCKS, seeded(2));
  const using = assert.rejects(
    ledger.run(() => false, 4),
    NbdError,
  );
  const fio = run("fio", [
    "--ioengine=nbd",
    `--uri=${address}`,
    "--name=x",
    "--rw=randwrite",
    "--size=24M",
    "--offset=8M",
    ...["--time_based", "--runtime=60"], // it begins anew when it is through
  ]);
  await ledger.progress();
  const start = performance.now();
  await drive.say("unplug");
  await using.then(() => failed.push(performance.now() - start));
  assert.ok(failed[0]! >= GRACE_MS - 50, `after ${failed[0]} ms`);
  assert.ok((await fio).code! > 0); // by itself, and with an error
  await eventually("the end of the connection", () => client.ended || undefined);
  await eventually("the end of the socket", () => !existsSync(socket) || undefined);
  assert.equal(await listed(drive), false);

  await drive.say("plug");
  assert.equal(socketOf(await life.served(drive)), socket);
  assert.equal((await run("nbdinfo", ["--size", address])).out.trim(), `${32 * MIB}`);
});

test("unplugged and plugged in again within the grace, five times: nbdcopy goes on and copies every byte", async () => {
  const { drive, address } = await plug("loose");
  const source = fullImage("source.img", (32 * MIB) / BLOCK_BYTES);
  await drive.say("fault slow:4"); // so that it is still copying
  let copying = true;
  const copied = run("nbdcopy", [
    "--flush",
    "--requests=8",
    "--request-size=262144",
    source,
    address,
  ]).finally(() => {
    copying = false;
  });
  let times = 1;
  while (times <= 5) {
    await drive.say("unplug");
    await drive.say("plug");
    await life.replugged(drive, ++times);
    await pause(20);
  }
  assert.ok(copying, "it was over before the drive was pulled out for the last time");
  const { code, err } = await copied;
  assert.deepEqual([code, err], [0, ""]);
  assert.ok(readFileSync(drive.image).equals(readFileSync(source)));
});

test("out and in faster than a driver dies, twenty times: the disk is there each time, and nothing is lost", async () => {
  const { drive, socket } = await plug("bouncing");
  const client = await NbdClient.connect(socket);
  const ledger = new DiskLedger(client, 0, BLOCKS, seeded(3));
  let bouncing = true;
  const using = ledger.run(() => !bouncing, 4);
  for (let times = 1; times <= 20; times++) {
    await drive.say(`fault power-loss:${times % 4}`);
    await life.replugged(drive, times + 1);
    await ledger.progress();
  }
  bouncing = false;
  await using;
  await client.close();
  assert.ok(drive.bytes(0, BLOCKS * BLOCK_BYTES).equals(ledger.expected()));
});

for (const [what, command, image] of [
  ["another stick, half as large", "fault other-disk", "FILE.other"],
  ["another stick of the same size", "plug --image IMAGE --serial 0123456789AB", "IMAGE"],
  ["a larger stick that claims the same serial number", "plug --image IMAGE --serial SAME", "IMAGE"],
] as const)
  test(`${what} in the same port: not one byte of the old journal reaches it, its clients get an error`, async () => {
    const name = what.replace(/[^a-z]/g, "").slice(0, 20);
    const other = fullImage(`${name}.other`, command.includes("SAME") ? 16384 : 8192);
    const { drive, socket } = await plug(name, "--serial", "SAME");
    const client = await NbdClient.connect(socket);
    const ledger = new DiskLedger(client, 0, BLOCKS, seeded(4));
    const using = assert.rejects(
      ledger.run(() => false, 8),
      NbdError,
    );
    await ledger.progress();
    if (command.startsWith("plug")) await drive.say("unplug");
    await drive.say(command.replace("IMAGE", other));
    await using;
    await eventually("the end of the connection", () => client.ended || undefined);
    await eventually("the other disk", async () => {
      const found = (await ring3.status()).devices.find(({ id }) => id === drive.device);
      return (found?.state === "running" && found.units[0]!.endpoints.length > 0) || undefined;
    });
    const next = await NbdClient.connect(socket);
    await next.flush();
    await next.close();
    const file = image.replace("FILE", drive.image).replace("IMAGE", other);
    const expected = image === "IMAGE" ? 7 : 0;
    const bytes = readFileSync(file);
    const blocks = new Uint32Array(bytes.length / BLOCK_BYTES).fill(expected);
    assert.ok(bytes.equals(blocksOf(0, blocks)), "the other disk was written to");
  });

test("a drive that is killed, and another at its socket of which nobody tells: not one byte of the old journal reaches it", async () => {
  const other = fullImage("usurper", 8192);
  const { drive, socket } = await plug("usurped", "--serial", "SAME");
  const client = await NbdClient.connect(socket);
  const ledger = new DiskLedger(client, 0, BLOCKS, seeded(5));
  const using = assert.rejects(
    ledger.run(() => false, 8),
    NbdError,
  );
  await ledger.progress();
  const elsewhere = join(ring3.folder, "usurper.s");
  const args = ["--listen", elsewhere, "--image", other, "--serial", "0123456789AB"];
  const usurper = spawn(process.execPath, [join(repository, "sims/usb-drive/main.ts"), ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(createInterface({ input: usurper.stdout }), "line"); // it is ready
  renameSync(elsewhere, join(ring3.folder, "usurped", "s")); // who comes from now on, comes to it: nobody is refused
  await drive.end();
  await using;
  await eventually("the other disk", async () => {
    const found = (await ring3.status()).devices.find(({ id }) => id === drive.device);
    return found?.identity.includes("0123456789AB") || undefined;
  });
  await ring3.reached(drive.device, "running");
  const bytes = readFileSync(other);
  usurper.kill("SIGKILL");
  assert.ok(bytes.equals(blocksOf(0, new Uint32Array(8192).fill(7))), "the other disk was written to");
});
