// Runs in: tests. Owns: a ring3 with applications that have a channel of their own, straight to the driver: this process, and
// examples/block-client.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Block, blockClass, connect, type OpenUnit, type Ring3 } from "@ring3/client";
import { seeded } from "@ring3/core/chance";
import { BLOCK_BYTES, blocksOf, type Disk, DiskLedger } from "./disk-ledger.fixture.ts";
import { DriversLife, eventually, socketOf } from "./drivers-life.fixture.ts";
import { NbdClient } from "./nbd-client.ts";
import { type Drive, RunningRing3 } from "./running-ring3.fixture.ts";

const MIB = 2 ** 20;
const BLOCKS = 1024;
const KILLS = 20;
const blockClient = fileURLToPath(new URL("../../examples/block-client/main.ts", import.meta.url));

const ring3 = await RunningRing3.start();
const life = await DriversLife.of(ring3);
const application: Ring3 = await connect({ stateDir: ring3.directory });
after(async () => {
  application.close();
  life.close();
  await ring3.stop();
});

async function plug(name: string): Promise<Drive> {
  const drive = await ring3.plug(name, "--create", "32M");
  await life.served(drive);
  return drive;
}

const open = ({ device }: Drive, mode: "read" | "write") => application.open(`${device}#0`, blockClass, mode);

const rangeOf = ({ properties }: OpenUnit<Block>, offset: number, length: number) => ({
  lba: offset / properties.sectorBytes,
  count: length / properties.sectorBytes,
  medium: properties.medium,
});

const copied = (unit: OpenUnit<Block>): Disk => ({
  read: async (offset, length) =>
    (await unit.request("read", rangeOf(unit, offset, length), { length })).data,
  write: (offset, data) => unit.request("write", { ...rangeOf(unit, offset, data.length), fua: 0 }, { data }),
});

const direct = (unit: OpenUnit<Block>): Disk => ({
  async read(offset, length) {
    using room = await unit.lend();
    return (await room.request("read", rangeOf(unit, offset, length), length)).data.slice();
  },
  async write(offset, data) {
    using room = await unit.lend();
    room.room(data.length).set(data);
    await room.request("write", { ...rangeOf(unit, offset, data.length), fua: 0 }, data.length);
  },
});

/** The example application, with the driver's deaths in its lifetime. */
function startExample(...args: string[]): ChildProcess {
  return spawn(process.execPath, [blockClient, ...args, "--state-dir", ring3.directory], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
}

async function ended(child: ChildProcess): Promise<{ code: number; out: Buffer; err: string }> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout!.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr!.on("data", (chunk: Buffer) => err.push(chunk));
  const [code] = (await once(child, "close")) as [number];
  return { code, out: Buffer.concat(out), err: Buffer.concat(err).toString() };
}

for (const [way, diskOf] of Object.entries({ "by copies": copied, directly: direct }))
  test(`an application reads and writes ${way} while the driver is killed ${KILLS} times: no error, every byte is there`, async (t) => {
    const seed = Number(process.env.RING3_SEED ?? Date.now() % 2 ** 32);
    t.diagnostic(`RING3_SEED=${seed}`);
    const drive = await plug(`killed-${way.replace(" ", "-")}`);
    await using unit = await open(drive, "write");
    const ledger = new DiskLedger(diskOf(unit), 0, BLOCKS, seeded(seed));
    let killing = true;
    const using = ledger.run(() => !killing, 8);
    for (let count = 1; count <= KILLS; count++) {
      await ledger.progress();
      await life.kill(drive);
    }
    killing = false;
    await using;
    await unit.request("flush", { medium: unit.properties.medium });
    assert.ok(drive.bytes(0, BLOCKS * BLOCK_BYTES).equals(ledger.expected()));
    assert.ok((await ring3.device(drive.device)).incarnation > KILLS);
  });

test("block-client copies in and out while the driver is killed: the same bytes", async () => {
  const drive = await plug("example");
  const bytes = blocksOf(0, new Uint32Array((24 * MIB) / BLOCK_BYTES).fill(3));
  const writer = startExample("write", `${drive.device}#0`, "64");
  const written = ended(writer);
  for (let at = 0; at < bytes.length; at += 4 * MIB) {
    writer.stdin!.write(bytes.subarray(at, at + 4 * MIB));
    await life.kill(drive);
  }
  writer.stdin!.end();
  assert.deepEqual([(await written).code, (await written).err], [0, "49152 sectors written from 64\n"]);
  const read = ended(startExample("read", `${drive.device}#0`, "64", "49152"));
  await life.kill(drive);
  const { code, out, err } = await read;
  assert.deepEqual([code, out.equals(bytes), err], [0, true, ""]);
});

test("a unit opened to read refuses to write, and goes on reading", async () => {
  const drive = await plug("reader");
  await using unit = await open(drive, "read");
  const disk = copied(unit);
  await assert.rejects(async () => disk.write(0, blocksOf(0, [1])), { kind: "denied" });
  assert.equal((await disk.read(0, BLOCK_BYTES)).length, BLOCK_BYTES);
  assert.ok(drive.bytes(0, BLOCK_BYTES).every((byte) => byte === 0));
});

test("readers see what the writer has written, also after the driver was killed", async () => {
  const drive = await plug("shared");
  await using writer = await open(drive, "write");
  await using reader = await open(drive, "read");
  for (const version of [1, 2, 3]) {
    const bytes = blocksOf(0, new Uint32Array(64).fill(version));
    await copied(writer).write(0, bytes);
    assert.ok(Buffer.from(await copied(reader).read(0, bytes.length)).equals(bytes));
    await life.kill(drive);
    assert.ok(Buffer.from(await copied(reader).read(0, bytes.length)).equals(bytes));
  }
});

test("a second writer is refused and told of the first: an application of the reflector, an NBD client of an application", async () => {
  const drive = await plug("taken");
  const socket = socketOf(await ring3.device(drive.device));
  const client = await NbdClient.connect(socket);
  await assert.rejects(open(drive, "write"), {
    kind: "denied",
    message: /held for writing by the block reflector/,
  });
  await client.close();
  await eventually("the end of the reflector's claim", () =>
    open(drive, "write").then(
      (unit) => unit.close().then(() => true),
      () => undefined,
    ),
  );
  await using unit = await open(drive, "write");
  await assert.rejects(NbdClient.connect(socket), { message: new RegExp(`process ${process.pid}\\b`) });
  await assert.rejects(open(drive, "write"), {
    kind: "denied",
    message: new RegExp(`process ${process.pid}\\b`),
  });
  await copied(unit).write(0, blocksOf(0, [1]));
});

test("an application that is killed in mid-write lets go of the disk; the next writer finds it", async () => {
  const drive = await plug("died");
  const dying = startExample("write", `${drive.device}#0`, "0");
  dying.stdin!.on("error", () => {}); // it will not read all of it
  dying.stdin!.write(blocksOf(0, new Uint32Array(1024).fill(1)));
  await eventually("its first bytes", () => drive.bytes(0, 4)[0] || undefined);
  dying.kill("SIGKILL");
  await once(dying, "close");
  const unit = await eventually("the disk", () => open(drive, "write").catch(() => undefined));
  const bytes = blocksOf(0, new Uint32Array(64).fill(2));
  await copied(unit).write(0, bytes);
  await unit.close();
  assert.ok(drive.bytes(0, bytes.length).equals(bytes));
});
