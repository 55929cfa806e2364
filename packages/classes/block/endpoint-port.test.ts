// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { DeviceError, kindOfCode } from "@ring3/core/errors";
import { BLOCK_MEDIUM_PRESENT, BLOCK_READ_ONLY } from "./contract.ts";
import { latch } from "./endpoint-nbd.fixture.ts";
import { EndpointPort, type EndpointPortOptions, type SlotHolder } from "./endpoint-port.ts";
import { memoryDisk } from "./memory-disk.fixture.ts";

const MEBI = 1024 * 1024;

class Holder implements SlotHolder {
  progress = 0;
  spilled = 0;
  spills = 0;
  hungUpOn = 0;
  spill(): void {
    this.spills++;
  }
  hangUp(): void {
    this.hungUpOn++;
  }
}

function ported(options: Partial<EndpointPortOptions> = {}) {
  const clock = manualClock();
  const disk = memoryDisk();
  const opened: string[] = [];
  const open: EndpointPortOptions["open"] = async (mode) => {
    opened.push(mode);
    return disk.port;
  };
  const shared = new EndpointPort({ geometry: () => disk.geometry, open, clock, ...options });
  return { clock, disk, opened, shared };
}

test("one port serves all, and is closed after the last has left", async () => {
  const { disk, opened, shared } = ported();
  const [first, second] = [new Holder(), new Holder()];
  await Promise.all([shared.enter(first), shared.enter(second)]);
  assert.deepEqual(opened, ["write"]);
  shared.leave(first);
  assert.equal(disk.closed, 0);
  shared.leave(second);
  await shared.closed();
  assert.equal(disk.closed, 1);
});

const WRITE = { lba: 0, count: 1, fua: 0, medium: 1 };

/** Enters, writes and leaves, as a connection does. */
async function writeThrough(shared: EndpointPort): Promise<void> {
  const holder = new Holder();
  const { port } = await shared.enter(holder);
  const [slot] = await shared.reserve(port, 1);
  shared.written(port);
  await port.submit("write", WRITE, slot!, 512);
  port.release(slot!);
  shared.leave(holder);
}

async function flushThrough(shared: EndpointPort): Promise<string | undefined> {
  const holder = new Holder();
  const { port } = await shared.enter(holder);
  const [slot] = await shared.reserve(port, 1);
  const { kind } = await shared.flush(port, slot!);
  port.release(slot!);
  shared.leave(holder);
  return kindOfCode(kind);
}

test("what was written is flushed before the port is closed, and nothing is where nothing was", async () => {
  const { disk, shared } = ported();
  await writeThrough(shared);
  assert.equal(await flushThrough(shared), undefined);
  await shared.closed();
  assert.deepEqual(
    disk.seen.map(({ name }) => name),
    ["write", "flush", "flush"],
  );
});

test("a last flush that fails: the first flush of whoever comes next fails for it, and only that one", async () => {
  const { disk, shared } = ported();
  disk.fault = ({ name }) => (name === "flush" ? "lost-writes" : undefined);
  await writeThrough(shared);
  await shared.closed();
  disk.fault = () => undefined;
  assert.equal(await flushThrough(shared), "lost-writes");
  assert.equal(await flushThrough(shared), undefined);
});

test("a last flush that fails since its disk is gone is no concern of whoever opens the next one", async () => {
  const { disk, shared } = ported();
  disk.fault = ({ name }) => (name === "flush" ? "disconnected" : undefined);
  await writeThrough(shared);
  await shared.closed();
  disk.fault = () => undefined;
  assert.equal(await flushThrough(shared), undefined);
});

test("a last flush that fails is no concern of whoever opens another medium", async () => {
  const [first, second] = [memoryDisk(), memoryDisk({ medium: 2 })];
  const ports = [first.port, second.port];
  const { shared } = ported({ open: async () => ports.shift()! });
  first.fault = ({ name }) => (name === "flush" ? "io" : undefined);
  await writeThrough(shared);
  assert.equal(await flushThrough(shared), undefined);
  assert.deepEqual(second.seen, [{ name: "flush", input: { medium: 2 } }]);
});

test("who enters while the port is being closed waits until its journal is empty", async () => {
  const { disk, opened, shared } = ported();
  const journal = latch();
  disk.port.close = () => journal.opened;
  const holder = new Holder();
  await shared.enter(holder);
  shared.leave(holder);
  const entering = shared.enter(holder);
  await Promise.resolve();
  assert.deepEqual(opened, ["write"]);
  journal.open();
  await entering;
  assert.deepEqual(opened, ["write", "write"]);
});

test("another medium: who enters waits for those before to leave, and gets a port of its own", async () => {
  const disks = [memoryDisk(), memoryDisk({ medium: 2, sectors: 64 })];
  const waiting = disks.map(({ port }) => port);
  const { shared } = ported({ open: async () => waiting.shift()! });
  const [first, second, third] = [new Holder(), new Holder(), new Holder()];
  assert.equal((await shared.enter(first)).port, disks[0]!.port);
  shared.retire();
  const entering = Promise.all([shared.enter(second), shared.enter(third)]);
  await new Promise(setImmediate);
  assert.equal(waiting.length, 1);
  shared.leave(first);
  for (const { port } of await entering) assert.equal(port, disks[1]!.port);
  assert.deepEqual(
    disks.map(({ closed }) => closed),
    [1, 0],
  );
});

test("a disk without a medium is not opened", async () => {
  const { opened, shared } = ported({ geometry: () => undefined });
  await assert.rejects(shared.enter(new Holder()), { kind: "no-medium" });
  assert.deepEqual(opened, []);
});

test("a failed opening is tried again by the next one", async () => {
  const disk = memoryDisk();
  const answers = [() => Promise.reject(new DeviceError("busy", "open")), async () => disk.port];
  const { shared } = ported({ open: () => answers.shift()!() });
  await assert.rejects(shared.enter(new Holder()), { kind: "busy" });
  assert.equal((await shared.enter(new Holder())).port, disk.port);
});

test("a disk that may only be read is opened for reading", async () => {
  const disk = memoryDisk();
  const modes: string[] = [];
  const { shared } = ported({
    async open(mode) {
      modes.push(mode);
      if (mode === "write") throw new DeviceError("read-only", "open");
      return disk.port;
    },
  });
  const entered = await shared.enter(new Holder());
  assert.deepEqual(modes, ["write", "read"]);
  assert.equal(entered.readOnly, true);
});

test("a read-only medium is never opened for writing", async () => {
  const disk = memoryDisk({ flags: BLOCK_MEDIUM_PRESENT | BLOCK_READ_ONLY });
  const { opened, shared } = ported({ geometry: () => disk.geometry });
  await shared.enter(new Holder());
  assert.deepEqual(opened, ["read"]);
});

test("while someone waits for slots, only who stands still is made to give theirs up", async () => {
  const { clock, shared } = ported();
  const [still, moving] = [new Holder(), new Holder()];
  const { port } = await shared.enter(still);
  await shared.enter(moving);
  await shared.reserve(port, 8);
  void shared.reserve(port, 1);
  moving.progress++;
  clock.advance(200);
  assert.deepEqual([still.spills, moving.spills], [1, 0]);
  clock.advance(200);
  assert.deepEqual([still.spills, moving.spills], [2, 1]);
});

test("while no one waits for slots, no one gives any up", async () => {
  const { clock, shared } = ported();
  const holder = new Holder();
  const { port } = await shared.enter(holder);
  await shared.reserve(port, 8);
  clock.advance(1000);
  assert.equal(holder.spills, 0);
  assert.equal(clock.pending, 0);
});

test("beyond 256 MiB in private memory the greatest hoarder is hung up on", async () => {
  const { clock, shared } = ported();
  const [small, large] = [new Holder(), new Holder()];
  const { port } = await shared.enter(small);
  await shared.enter(large);
  await shared.reserve(port, 8);
  void shared.reserve(port, 1);
  [small.spilled, large.spilled] = [100 * MEBI, 150 * MEBI];
  clock.advance(200);
  assert.deepEqual([small.hungUpOn, large.hungUpOn], [0, 0]);
  large.spilled = 200 * MEBI;
  clock.advance(200);
  assert.deepEqual([small.hungUpOn, large.hungUpOn], [0, 1]);
});
