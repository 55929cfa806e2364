// Runs in: tests. What a rest of the device costs nobody: its power may go meanwhile.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { drive, flush, MIB, pattern, read, type Started, write } from "./simulated-drive.fixture.ts";
import { probe, SYNC, start, TUR } from "./wire.fixture.ts";

const BYTES = pattern(4096);
/** What was cached is lost, and the next command is told. */
const POWER_CYCLE = "fault unit-attention-power-on";

async function written() {
  const disk = await drive(MIB, "--write-cache");
  const started = await disk.start();
  await write(started, 0, BYTES);
  return { disk, started };
}

const onMedium = async (directory: string) =>
  (await readFile(join(directory, "disk"))).subarray(0, BYTES.length).equals(BYTES);

test("the power goes without a rest: what was cached is lost, and clients hear of it", async () => {
  const { disk, started } = await written();
  await using _disk = disk;
  await disk.sim.command(POWER_CYCLE);
  await flush(started);
  assert.deepEqual(started.events, ["powerLost"]);
  assert.equal(await onMedium(disk.directory), false);
});

test("the power goes while the device is at rest: nothing is lost, and nobody is told of a loss", async () => {
  const { disk, started } = await written();
  await using _disk = disk;
  await started.suspend();
  await disk.sim.command(POWER_CYCLE);
  await started.resume();
  await flush(started);
  assert.deepEqual(started.events, []);
  assert.deepEqual(await read(started, 0, 8), BYTES);
  assert.ok(await onMedium(disk.directory));
});

test("the same, and another driver finds the device", async () => {
  const { disk, started } = await written();
  await using _disk = disk;
  await started.suspend();
  await started.usb.transport.close();
  await disk.sim.command(POWER_CYCLE);
  const after: Started = await disk.start(2);
  await flush(after);
  assert.deepEqual(after.events, []);
  assert.deepEqual(await read(after, 0, 8), BYTES);
});

test("what is written after the rest can be lost as before it", async () => {
  const { disk, started } = await written();
  await using _disk = disk;
  await started.suspend();
  await started.resume();
  await write(started, 8, BYTES);
  await disk.sim.command(POWER_CYCLE);
  await flush(started);
  assert.deepEqual(started.events, ["powerLost"]);
});

test("a cache that cannot be flushed is no reason to go on working, and its loss is told", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.refused(SYNC, 0x3, 0x0c), // medium error, write error
    ...wire.refused(SYNC, 0x6, 0x29),
    ...wire.command(SYNC),
  ]);
  await rig.driver.suspend();
  assert.match(rig.driver.log.map(({ message }) => message).join("\n"), /not flushed before the rest: /);
  await rig.driver.resume();
  const [unit] = rig.driver.units;
  await rig.patient(unit!.request("flush", { medium: unit!.properties.medium }));
  assert.deepEqual(rig.events, ["powerLost"]);
  await rig.driver.remove();
});

test("a drive without a medium has nothing to flush", async () => {
  await using disk = await drive(MIB, "--removable");
  await disk.sim.command("eject");
  const started = await disk.start();
  await started.suspend();
  await started.resume();
  assert.equal(started.units[0]!.properties.sectors, 0);
});

test("no command is sent to a device at rest, however long that is; then it is looked after again", async () => {
  const rig = await start((wire) => [
    ...probe(wire, { inquiry: `00 80 02 02 1f000000 ${"41".repeat(28)}` }),
    ...wire.command(SYNC),
  ]);
  await rig.driver.suspend();
  rig.clock.advance(3_600_000);
  await new Promise((resolve) => setImmediate(resolve));
  rig.usb.done();
  rig.usb.expect(...rig.wire.command(TUR)); // the poll for another medium
  await rig.driver.resume();
  await new Promise((resolve) => setImmediate(resolve));
  rig.usb.done();
  await rig.driver.remove();
});
