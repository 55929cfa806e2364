// Runs in: tests. Owns: one sim process a test: each fault once, and that the drive is well afterwards.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { UsbipClient } from "../usbip/test/usbip-client.ts";
import { Faults, parseFault } from "./faults.ts";
import {
  cbw,
  clearHalt,
  EPIPE,
  input,
  none,
  output,
  parseStatus,
  pattern,
  read10,
  readStatus,
  resetRecovery,
  sense,
  synchronizeCache,
  testUnitReady,
  write10,
} from "./test/bulk-only-host.ts";
import { IMAGE_BYTES, Sim } from "./test/sim-process.ts";

const content = pattern(IMAGE_BYTES, 0);

async function start(...args: string[]) {
  const sim = new Sim(args, { content });
  return { sim, client: await sim.connectReady(), [Symbol.asyncDispose]: () => sim[Symbol.asyncDispose]() };
}

type Bench = Awaited<ReturnType<typeof start>>;

async function assertWell({ client }: Bench): Promise<void> {
  const done = await input(client, read10(0, 4), 2048);
  assert.deepEqual([done.dataStatus, done.status, done.residue], [0, 0, 0]);
  assert.deepEqual(done.data, content.subarray(0, 2048));
}

test("SPECs are parsed, and wrong ones told", () => {
  assert.deepEqual(parseFault("slow:20@3"), { kind: "slow", style: "noise", count: 3, argument: 20 });
  assert.deepEqual(parseFault("power-loss"), {
    ...{ kind: "power-loss", style: "noise", count: undefined, argument: undefined },
  });
  assert.deepEqual(parseFault("garbage-descriptors:endless:2"), {
    ...{ kind: "garbage-descriptors", style: "endless", count: undefined, argument: 2 },
  });
  for (const wrong of ["", "slow", "hang:3", "medium-error:x", "hang@", "HANG"])
    assert.equal(typeof parseFault(wrong), "string", wrong);
  for (const wrong of ["odd", "", "noise:", "noise:x", "noise:1:2"])
    assert.equal(typeof parseFault(`garbage-descriptors:${wrong}`), "string", wrong);
});

test("a count lets that many READ and WRITE commands pass; one command meets one fault", () => {
  const faults = new Faults();
  const add = (spec: string) =>
    faults.add(parseFault(spec) as Exclude<ReturnType<typeof parseFault>, string>);
  add("hang@2");
  add("wrong-tag@2");
  add("write-protect-error");
  const met = [false, false, false, false, true].map((write) => faults.next(write)?.kind);
  assert.deepEqual(met, [undefined, undefined, "hang", "wrong-tag", "write-protect-error"]);
});

test("stall-command: the CBW is stalled, and reset recovery heals", async () => {
  await using t = await start("--fault", "stall-command@1");
  await assertWell(t);
  assert.equal((await t.client.out(cbw(read10(0, 1), 512, true))).status, EPIPE);
  await resetRecovery(t.client);
  await assertWell(t);
});

test("stall-data: half of the data, a stall, a failed command with its sense data", async () => {
  await using t = await start("--fault", "stall-data", "--fault", "stall-data@1");
  const read = await input(t.client, read10(0, 4), 2048);
  assert.deepEqual([read.dataStatus, read.data.length, read.residue, read.status], [EPIPE, 1024, 1024, 1]);
  assert.equal(await sense(t.client), "0b/08/00");
  const write = await output(t.client, write10(100, 4), pattern(2048, 1));
  assert.deepEqual([write.dataStatus, write.residue, write.status], [EPIPE, 1024, 1]);
  await assertWell(t);
});

test("stall-status: the CSW stalls once and comes after the halt is cleared", async () => {
  await using t = await start("--fault", "stall-status");
  await t.client.out(cbw(read10(0, 1), 512, true));
  assert.deepEqual((await t.client.in(512)).data, content.subarray(0, 512));
  assert.equal((await t.client.in(13)).status, EPIPE);
  await clearHalt(t.client, 0x81);
  assert.equal(parseStatus(await t.client.in(13)).status, 0);
  await assertWell(t);
});

test("wrong-tag and bad-signature: a CSW that is not valid", async () => {
  await using t = await start("--fault", "wrong-tag", "--fault", "bad-signature@1");
  await t.client.out(cbw(read10(0, 1), 512, true, 0, 0x1234));
  await t.client.in(512);
  assert.notEqual((await readStatus(t.client)).tag, 0x1234);
  await input(t.client, read10(0, 1), 512).then((done) => assert.notEqual(done.signature, 0x53425355));
  await assertWell(t);
});

test("short-data: less data, no stall, an honest residue and a good status", async () => {
  await using t = await start("--fault", "short-data", "--fault", "short-data@1");
  const read = await input(t.client, read10(0, 4), 2048);
  assert.deepEqual([read.dataStatus, read.data.length, read.residue, read.status], [0, 1025, 1023, 0]);
  const write = await output(t.client, write10(100, 4), pattern(2048, 1));
  assert.deepEqual([write.dataStatus, write.residue, write.status], [0, 1024, 0]);
  assert.deepEqual(
    readFileSync(t.sim.image).subarray(102 * 512, 104 * 512),
    content.subarray(102 * 512, 104 * 512),
  );
  await assertWell(t);
});

test("phase-error: status 2, and a write has not happened", async () => {
  await using t = await start("--fault", "phase-error");
  const write = await output(t.client, write10(100, 4), pattern(2048, 1));
  assert.equal(write.status, 2);
  await resetRecovery(t.client);
  const read = await input(t.client, read10(100, 4), 2048);
  assert.deepEqual(read.data, content.subarray(100 * 512, 104 * 512));
});

test("residue-lie: all data, good status, a residue that says none came", async () => {
  await using t = await start("--fault", "residue-lie");
  const read = await input(t.client, read10(0, 4), 2048);
  assert.deepEqual([read.data.length, read.residue, read.status], [2048, 2048, 0]);
  await assertWell(t);
});

test("garbage-descriptors: wrong at once, right again after fault clear", async () => {
  await using t = await start();
  const configuration = async () => (await t.client.control(0x80, 6, 0x0200, 0, 255)).data;
  const genuine = await configuration();
  for (const style of ["noise", "zero-length", "truncated", "endless"]) {
    await t.sim.command(`fault garbage-descriptors:${style}`);
    assert.notDeepEqual(await configuration(), genuine, style);
  }
  await t.sim.command("fault clear");
  assert.deepEqual(await configuration(), genuine);
});

test("garbage-descriptors for two imports: the third reads what is right", async () => {
  await using t = await start();
  const configuration = async (client: UsbipClient) => (await client.control(0x80, 6, 0x0200, 0, 255)).data;
  const genuine = await configuration(t.client);
  await t.sim.command("fault garbage-descriptors:noise:2");
  assert.notDeepEqual(await configuration(await t.sim.connect()), genuine);
  assert.notDeepEqual(await configuration(await t.sim.connect()), genuine);
  assert.deepEqual(await configuration(await t.sim.connect()), genuine);
});

test("slow: each READ and WRITE takes its time, other commands do not", async () => {
  await using t = await start("--fault", "slow:60");
  const before = performance.now();
  await assertWell(t);
  const after = performance.now();
  assert.ok(after - before >= 59, `took ${after - before} ms`);
});

test("hang: no answer, class requests neither; a port reset heals", async () => {
  await using t = await start("--fault", "hang");
  await t.client.out(cbw(read10(0, 1), 512, true));
  void t.client.in(512);
  const data = t.client.lastSeqnum;
  void t.client.control(0x21, 0xff, 0, 0);
  const reset = t.client.lastSeqnum;
  assert.equal((await t.client.control(0x80, 0, 0, 0, 2)).status, 0, "the hardware still answers");
  assert.deepEqual([await t.client.unlink(data), await t.client.unlink(reset)], [-104, -104]);
  await t.client.control(0x23, 3, 4, 0);
  await none(t.client, testUnitReady);
  await assertWell(t);
});

test("medium-error: the sectors before it, then the sense data; a write heals it", async () => {
  await using t = await start("--fault", "medium-error:2");
  const read = await input(t.client, read10(0, 4), 2048);
  assert.deepEqual([read.dataStatus, read.data.length, read.residue, read.status], [EPIPE, 1024, 1024, 1]);
  assert.equal(await sense(t.client), "03/11/00");
  await output(t.client, write10(2, 1), content.subarray(1024, 1536));
  await assertWell(t);
});

test("write-protect-error: the next write, and that one only", async () => {
  await using t = await start("--fault", "write-protect-error");
  await assertWell(t);
  const refused = await output(t.client, write10(0, 1), content.subarray(0, 512));
  assert.deepEqual([refused.dataStatus, refused.status], [EPIPE, 1]);
  assert.equal(await sense(t.client), "07/27/00");
  assert.equal((await output(t.client, write10(0, 1), content.subarray(0, 512))).status, 0);
});

test("power-loss: the drive leaves and returns, and exactly the unflushed writes are lost", async () => {
  await using t = await start("--write-cache");
  await output(t.client, write10(0, 1), pattern(512, 1));
  assert.equal((await none(t.client, synchronizeCache)).status, 0);
  await output(t.client, write10(1, 1, true), pattern(512, 2));
  await output(t.client, write10(2, 1), pattern(512, 3));
  await output(t.client, write10(0, 1), pattern(512, 4));
  assert.deepEqual((await input(t.client, read10(0, 1), 512)).data, pattern(512, 4));
  await t.sim.command("fault power-loss");
  await t.sim.event("unplugged");
  await t.client.closed;
  await t.sim.event("plugged");
  const again = await t.sim.connect();
  assert.equal((await none(again, testUnitReady)).status, 1);
  assert.equal(await sense(again), "06/29/00");
  const found = (await input(again, read10(0, 4), 2048)).data;
  const expected = [pattern(512, 1), pattern(512, 2), content.subarray(1024, 2048)];
  assert.deepEqual(found, Buffer.concat(expected));
});

test("power-loss in the middle of a write: its data is lost with the cache", async () => {
  await using t = await start("--write-cache", "--fault", "power-loss:10@0");
  await t.client.out(cbw(write10(0, 8), 4096, false));
  void t.client.out(pattern(4096, 9));
  await t.client.closed;
  await t.sim.event("plugged");
  const again = await t.sim.connectReady();
  assert.deepEqual((await input(again, read10(0, 8), 4096)).data, content.subarray(0, 4096));
});

test("unit-attention-power-on: the stream lives, the cache is gone, the next command hears it", async () => {
  await using t = await start("--write-cache");
  await output(t.client, write10(0, 1), pattern(512, 4));
  await t.sim.command("fault unit-attention-power-on");
  assert.equal((await none(t.client, synchronizeCache)).status, 1);
  assert.equal(await sense(t.client), "06/29/01");
  await assertWell(t);
});

test("vanish: the stream ends in the middle of the data, the drive is away until it is plugged", async () => {
  await using t = await start("--fault", "vanish");
  await t.client.out(cbw(read10(0, 8), 4096, true));
  const read = t.client.in(4096);
  await assert.rejects(read, /stream closed/);
  await t.sim.event("unplugged");
  assert.equal((await t.sim.command("stats")).plugged, false);
  await t.sim.command("plug");
  const again = await t.sim.connectReady();
  await assertWell({ ...t, client: again });
});

test("cut: the stream ends in the middle of the data, the drive stays and is in that command still", async () => {
  await using t = await start("--fault", "cut");
  await t.client.out(cbw(read10(0, 8), 4096, true));
  await assert.rejects(t.client.in(4096), /stream closed/);
  const again = await t.sim.connect();
  assert.deepEqual((await again.in(2048)).data, content.subarray(2048, 4096));
  assert.equal(parseStatus(await again.in(13)).status, 0);
  await assertWell({ ...t, client: again });
});

test("other-disk: another serial and capacity come back; plug after unplug brings the first", async () => {
  await using t = await start("--serial", "0123456789AB");
  const serialOf = async (client: typeof t.client) =>
    (await client.control(0x80, 6, 0x0303, 0x0409, 255)).data.toString("utf16le", 2);
  await t.sim.command("fault other-disk");
  await t.sim.event("plugged");
  const other = await t.sim.connectReady();
  assert.equal(await serialOf(other), "01234567FFFF");
  const capacity = await input(other, [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8);
  assert.equal(capacity.data.readUInt32BE(0), IMAGE_BYTES / 2 / 512 - 1);
  await output(other, write10(0, 1), pattern(512, 200));
  await t.sim.command("unplug");
  await t.sim.command("plug");
  const first = await t.sim.connectReady();
  assert.equal(await serialOf(first), "0123456789AB");
  await assertWell({ ...t, client: first });
});

test("plugged or unplugged by hand while it was to come back by itself: it stays as it was left", async () => {
  await using t = await start();
  await t.sim.command("fault power-loss:50");
  await t.sim.command("plug");
  await t.sim.command("unplug");
  await sleep(100);
  assert.equal((await t.sim.command("stats")).plugged, false);
  await t.sim.command("plug");
  await t.sim.command("fault other-disk");
  await t.sim.command("unplug");
  await sleep(200);
  assert.equal((await t.sim.command("stats")).plugged, false);
});
