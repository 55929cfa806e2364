import assert from "node:assert/strict";
import { test } from "node:test";
import { blockConformance, readOnlyConformance } from "@ring3/classes/block/conformance";
import { BLOCK_DISCARD, BLOCK_FUA, BLOCK_MEDIUM_PRESENT, BLOCK_WRITE_CACHE } from "@ring3/sdk";
import { drive, flush, MIB, pattern, read, write } from "./simulated-drive.fixture.ts";

const conformance =
  (bytes: number, ...args: string[]) =>
  async () => {
    const disk = await drive(bytes, ...args);
    const { units } = await disk.start();
    return { port: units[0]!, close: async () => disk[Symbol.asyncDispose]() };
  };
blockConformance("simulated drive, 512-byte sectors", conformance(4 * MIB));
blockConformance(
  "simulated drive, 4096-byte sectors, write cache",
  conformance(16 * MIB, "--sector", "4096", "--write-cache"),
);
blockConformance("simulated drive at SuperSpeed", conformance(4 * MIB, "--speed", "super"));
readOnlyConformance("simulated drive, write-protected", conformance(4 * MIB, "--read-only"));

test("geometry of a drive with a cache", async () => {
  await using disk = await drive(4 * MIB, "--write-cache", "--speed", "super");
  const [unit] = (await disk.start()).units;
  const { optimalTransferSectors, ...rest } = unit!.properties;
  assert.deepEqual(rest, {
    sectorBytes: 512,
    sectors: 8192,
    maxTransferSectors: 2048,
    flags: BLOCK_MEDIUM_PRESENT | BLOCK_WRITE_CACHE | BLOCK_FUA | BLOCK_DISCARD,
    medium: 1,
  });
  assert.ok(optimalTransferSectors > 0);
});

test("three LUNs are three disks", async () => {
  await using disk = await drive(MIB, "--luns", "3", "--create", String(MIB));
  const started = await disk.start();
  assert.equal(started.units.length, 3);
  for (const unit of [0, 1, 2]) await write(started, 9, pattern(1024, unit), { unit });
  for (const unit of [0, 1, 2]) assert.deepEqual(await read(started, 9, 2, unit), pattern(1024, unit));
});

test("3 TiB: the last sector is written and read", async () => {
  await using disk = await drive(3 * 2 ** 40);
  const started = await disk.start();
  const last = started.units[0]!.properties.sectors - 1;
  assert.equal(last, 6 * 2 ** 30 - 1);
  await write(started, last, pattern(512));
  assert.deepEqual(await read(started, last, 1), pattern(512));
  assert.deepEqual(await read(started, last & 0x7fff_ffff, 1), new Uint8Array(512));
});

test("32 requests at a time, each of 1 MiB", async () => {
  await using disk = await drive(32 * MIB, "--speed", "super");
  const started = await disk.start();
  const numbers = [...Array(32).keys()];
  await Promise.all(numbers.map((n) => write(started, n * 2048, pattern(MIB, n))));
  const found = await Promise.all(numbers.map((n) => read(started, n * 2048, 2048)));
  numbers.forEach((n) => {
    assert.deepEqual(found[n], pattern(MIB, n));
  });
});

for (const fault of [
  "stall-command",
  "stall-data",
  "stall-status",
  "wrong-tag",
  "bad-signature",
  "short-data",
  "phase-error",
  "residue-lie",
])
  test(`${fault}: the write and the read succeed all the same`, async () => {
    await using disk = await drive(4 * MIB);
    const started = await disk.start();
    await disk.sim.command(`fault ${fault}`);
    await write(started, 100, pattern(65_536));
    await disk.sim.command(`fault ${fault}`);
    assert.deepEqual(await read(started, 100, 128), pattern(65_536));
    assert.deepEqual(started.events, []);
    assert.equal((await disk.sim.command("stats")).ok, true);
  });

test("hang: the device is reset at half of the request's time, and the read repeated", async () => {
  await using disk = await drive(4 * MIB);
  const started = await disk.start();
  await disk.sim.command("fault hang");
  const { data } = await started.units[0]!.request(
    "read",
    { lba: 0, count: 8, medium: 1 },
    { length: 4096, deadlineMs: 1000 },
  );
  assert.deepEqual(data, new Uint8Array(4096));
});

test("slow: a read that takes its time succeeds", async () => {
  await using disk = await drive(4 * MIB);
  const started = await disk.start();
  await disk.sim.command("fault slow:300");
  assert.deepEqual(await read(started, 0, 8), new Uint8Array(4096));
});

test("medium-error: the read fails with medium, its neighbours do not", async () => {
  await using disk = await drive(4 * MIB);
  const started = await disk.start();
  await disk.sim.command("fault medium-error:50");
  await assert.rejects(read(started, 48, 8), { kind: "medium" });
  assert.deepEqual(await read(started, 40, 8), new Uint8Array(4096));
  await write(started, 50, pattern(512));
  assert.deepEqual(await read(started, 50, 1), pattern(512));
});

test("write-protect-error: the write fails with read-only", async () => {
  await using disk = await drive(4 * MIB);
  const started = await disk.start();
  await disk.sim.command("fault write-protect-error");
  await assert.rejects(write(started, 0, pattern(512)), { kind: "read-only" });
});

test("power lost behind the bridge: powerLost before the next answer, and the cache is gone", async () => {
  await using disk = await drive(4 * MIB, "--write-cache");
  const started = await disk.start();
  await write(started, 7, pattern(512));
  await disk.sim.command("fault unit-attention-power-on");
  await flush(started);
  assert.deepEqual(started.events, ["powerLost"]);
  assert.deepEqual(await read(started, 7, 1), new Uint8Array(512));
});

test("power lost behind the bridge while no driver runs: told before the next incarnation's first answer", async () => {
  await using disk = await drive(4 * MIB, "--write-cache");
  const first = await disk.start();
  await write(first, 7, pattern(512));
  await first.usb.transport.close();
  await disk.sim.command("fault unit-attention-power-on");
  const second = await disk.start(2);
  await flush(second);
  assert.deepEqual(second.events, ["powerLost"]);
});

test("a driver that dies in mid-transfer: the next incarnation goes on, without a loss of power", async () => {
  await using disk = await drive(8 * MIB, "--write-cache");
  let last = await disk.start();
  await write(last, 0, pattern(512));
  for (let incarnation = 2; incarnation <= 6; incarnation++) {
    const dying = write(last, 2048, pattern(MIB, incarnation));
    const dead = assert.rejects(dying, { name: "DeviceError" });
    await last.usb.transport.close();
    await dead;
    last = await disk.start(incarnation);
    await write(last, 2048, pattern(MIB, incarnation));
    assert.deepEqual(await read(last, 2048, 2048), pattern(MIB, incarnation));
    assert.deepEqual(last.events, []);
  }
  assert.deepEqual(await read(last, 0, 1), pattern(512));
});

test("a new import fences the old driver, which sees the device gone", async () => {
  await using disk = await drive(4 * MIB);
  const old = await disk.start();
  await disk.start(2);
  await assert.rejects(read(old, 0, 1), { kind: "disconnected" });
});

for (const fault of ["vanish", "power-loss", "other-disk"])
  test(`${fault} in mid-transfer: the request fails with disconnected, and so do later ones`, async () => {
    await using disk = await drive(4 * MIB);
    const started = await disk.start();
    await disk.sim.command(`fault ${fault}@0`);
    await assert.rejects(read(started, 0, 2048), { kind: "disconnected" });
    await started.usb.transport.gone;
    await assert.rejects(read(started, 0, 1), { kind: "disconnected" });
  });

test("unplug in mid-transfer: requests fail with disconnected", async () => {
  await using disk = await drive(32 * MIB);
  const started = await disk.start();
  const all = [0, 1, 2, 3].map((n) =>
    assert.rejects(read(started, n * 2048, 2048), { kind: "disconnected" }),
  );
  await disk.sim.command("unplug");
  await Promise.all(all);
});
