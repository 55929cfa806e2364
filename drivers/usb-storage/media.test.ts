import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_DISCARD, BLOCK_MEDIUM_PRESENT, BLOCK_REMOVABLE } from "@ring3/sdk";
import {
  type Drive,
  drive,
  flush,
  MIB,
  pattern,
  read,
  type Started,
  type Transport,
  write,
} from "./simulated-drive.fixture.ts";

const OTHER = 0xee;
const SIZE = MIB;

const changed = { name: "DeviceError", kind: "medium-changed" };
const number = ({ units: [unit] }: Started): number => unit!.properties.medium;
const reader = () => drive(SIZE, "--removable");

/** Nothing that was meant for medium 1 reaches the one that is in now. */
async function refusesTheOld(disk: Drive, started: Started): Promise<void> {
  const [unit] = started.units;
  const range = { lba: 8, count: 8, medium: 1 };
  await assert.rejects(write(started, 8, pattern(4096), { medium: 1 }), changed);
  await assert.rejects(write(started, 8, pattern(4096), { medium: 1, fua: 1 }), changed);
  await assert.rejects(unit!.request("writeZeroes", { ...range, fua: 0, unmap: 1 }), changed);
  await assert.rejects(unit!.request("discard", range), changed);
  await assert.rejects(unit!.request("read", range, { length: 4096 }), changed);
  await assert.rejects(unit!.request("flush", { medium: 1 }), changed);
  assert.equal(await disk.written(OTHER), 0);
}

test("eject and insert while idle: none is medium 2, the next one is medium 3", async () => {
  await using disk = await reader();
  const started = await disk.start();
  const [unit] = started.units;
  await disk.sim.command("eject");
  await assert.rejects(read(started, 0, 1), { kind: "no-medium" });
  assert.deepEqual(started.events, [{ sectors: 0, sectorBytes: 512, flags: BLOCK_REMOVABLE, medium: 2 }]);
  await assert.rejects(flush(started), { kind: "no-medium" });
  await assert.rejects(write(started, 0, pattern(512), { medium: 1 }), changed);
  const inserted = new Promise<{ sectors: number; flags: number; medium: number }>((resolve) => {
    unit!.on("mediumChanged", resolve);
  });
  await disk.exchange(2 * SIZE, OTHER);
  const { sectors, flags, medium } = await inserted; // by the poll
  assert.deepEqual([sectors, medium, unit!.properties.sectors, number(started)], [4096, 3, 4096, 3]);
  assert.equal(flags & (BLOCK_REMOVABLE | BLOCK_MEDIUM_PRESENT), BLOCK_REMOVABLE | BLOCK_MEDIUM_PRESENT);
  await refusesTheOld(disk, started);
  await write(started, 4095, pattern(512));
  assert.deepEqual(await read(started, 4095, 1), pattern(512));
});

for (const [what, bytes] of [
  ["the same size", SIZE],
  ["another size", 2 * SIZE],
] as const) {
  test(`a medium of ${what} between two requests: the second is not sent to it`, async () => {
    await using disk = await reader();
    const started = await disk.start();
    await write(started, 0, pattern(512));
    await disk.exchange(bytes, OTHER);
    await refusesTheOld(disk, started);
    assert.deepEqual([number(started), started.events.length], [2, 1]);
    assert.deepEqual(await read(started, 0, 1), new Uint8Array(512).fill(OTHER));
  });

  test(`a medium of ${what} while no driver runs: the next one gives it another number`, async () => {
    await using disk = await reader();
    const first = await disk.start();
    await write(first, 0, pattern(512));
    await first.usb.transport.close();
    await disk.exchange(bytes, OTHER);
    const second = await disk.start(2);
    assert.equal(number(second), 2);
    await refusesTheOld(disk, second);
    await write(second, 0, pattern(512));
  });
}

test("writes that wait while the medium is exchanged: none of them reaches the new one", async () => {
  await using disk = await reader();
  const started = await disk.start();
  const first = write(started, 0, pattern(512));
  const all = Array.from({ length: 60 }, (_, index) => write(started, index * 8, pattern(4096)));
  const outcomes = Promise.allSettled(all);
  await first;
  await disk.exchange(SIZE, OTHER);
  await outcomes;
  await refusesTheOld(disk, started);
});

/** A driver's way to its device, which ends, or loses one answer, once `rule` says so; `rule` is asked after each transfer. */
function through(transport: Transport, rule: () => "ok" | "gone" | "error"): Transport {
  const errnos = { ok: 0, gone: 19, error: 71 };
  const transfer = transport.transfer.bind(transport);
  return Object.assign(transport, {
    transfer: async (...args: Parameters<Transport["transfer"]>) => {
      const outcome = await transfer(...args);
      const status = rule();
      return status === "ok" ? outcome : { status, bytes: 0, errno: errnos[status] };
    },
  });
}

/** "ok" until armed, then for `steps` more times; after that "gone" for ever, or "error" once. */
function ruleAfter(steps: number, fate: "gone" | "error") {
  let left = Number.POSITIVE_INFINITY;
  return {
    arm: () => {
      left = steps;
    },
    rule() {
      left--;
      const struck = fate === "gone" ? left < 0 : left === -1;
      return struck ? fate : "ok";
    },
  };
}

// A refused write is CBW, data, CSW, then REQUEST SENSE with CBW, data, CSW, then the new medium is looked at.
for (let steps = 0; steps < 14; steps++) {
  test(`the driver dies ${steps} transfers after the exchange: the next one gives the medium another number`, async () => {
    await using disk = await reader();
    const { arm, rule } = ruleAfter(steps, "gone");
    const first = await disk.start(1, (transport) => through(transport, rule));
    await write(first, 0, pattern(512));
    await disk.exchange(SIZE, OTHER);
    arm();
    await assert.rejects(write(first, 8, pattern(4096)));
    await first.usb.transport.close();
    const second = await disk.start(2);
    assert.ok(number(second) > 1, `medium ${number(second)}`);
    await refusesTheOld(disk, second);
  });

  test(`answer ${steps} after the exchange is lost: the driver gives the medium another number all the same`, async () => {
    await using disk = await reader();
    const { arm, rule } = ruleAfter(steps, "error");
    const started = await disk.start(1, (transport) => through(transport, rule));
    await write(started, 0, pattern(512));
    await disk.exchange(SIZE, OTHER);
    arm();
    await assert.rejects(write(started, 8, pattern(4096)), changed);
    assert.ok(number(started) > 1, `medium ${number(started)}`);
    await refusesTheOld(disk, started);
  });
}

for (let steps = 0; steps < 40; steps += 3)
  test(`two drivers die on the way, the second ${steps} transfers into its start`, async () => {
    await using disk = await reader();
    const first = await disk.start();
    await write(first, 0, pattern(512));
    await first.usb.transport.close();
    await disk.exchange(SIZE, OTHER);
    const { arm, rule } = ruleAfter(steps, "gone");
    arm();
    const second = disk.start(2, (transport) => through(transport, rule));
    await Promise.allSettled([second]);
    const third = await disk.start(3);
    assert.ok(number(third) > 1, `medium ${number(third)}`);
    await refusesTheOld(disk, third);
  });

// A refused flush is CBW, CSW, then REQUEST SENSE with CBW, data, CSW, then the flush once more.
for (let steps = 0; steps < 8; steps++) {
  test(`the driver of a fixed disk dies ${steps} transfers after a loss of power: it or the next one tells`, async () => {
    await using disk = await drive(SIZE, "--write-cache");
    const { arm, rule } = ruleAfter(steps, "gone");
    const first = await disk.start(1, (transport) => through(transport, rule));
    await write(first, 0, pattern(512));
    await disk.sim.command("fault unit-attention-power-on");
    arm();
    await Promise.allSettled([flush(first)]);
    await first.usb.transport.close();
    const second = await disk.start(2);
    await flush(second);
    assert.ok(second.events.includes("powerLost"));
    assert.equal(number(second), 1);
  });

  test(`answer ${steps} of a fixed disk after a loss of power is lost: the driver tells all the same`, async () => {
    await using disk = await drive(SIZE, "--write-cache");
    const { arm, rule } = ruleAfter(steps, "error");
    const started = await disk.start(1, (transport) => through(transport, rule));
    await write(started, 0, pattern(512));
    await disk.sim.command("fault unit-attention-power-on");
    arm();
    await flush(started);
    assert.ok(started.events.includes("powerLost"));
    assert.equal(number(started), 1);
  });
}

test("a device that hangs over the exchange and is reset: the size tells of the other medium", async () => {
  await using disk = await reader();
  const started = await disk.start();
  await disk.sim.command("fault hang");
  const { medium, sectorBytes } = started.units[0]!.properties;
  const late = started.units[0]!.request(
    "write",
    { lba: 8, count: 8, fua: 0, medium },
    { data: pattern(8 * sectorBytes), deadlineMs: 2000 },
  );
  const refused = assert.rejects(late, changed);
  await disk.exchange(2 * SIZE, OTHER);
  await refused;
  await refusesTheOld(disk, started);
});

test("a driver that dies in mid-transfer while nobody touches the medium: it keeps its number", async () => {
  await using disk = await reader();
  let last = await disk.start();
  for (let incarnation = 2; incarnation <= 6; incarnation++) {
    const dead = assert.rejects(write(last, 0, pattern(MIB, incarnation)), { name: "DeviceError" });
    await last.usb.transport.close();
    await dead;
    last = await disk.start(incarnation);
    await write(last, 0, pattern(MIB, incarnation), { medium: 1 });
    assert.deepEqual([number(last), last.events], [1, []]);
  }
});

test("without the state of the drivers before, a medium that can be exchanged gets a number that none had", async () => {
  await using disk = await reader();
  const first = await disk.start();
  first.state.writeState(null);
  const second = await disk.start(2);
  assert.ok(number(second) > 0xffff);
  await using fixed = await drive(SIZE);
  (await fixed.start()).state.writeState(null);
  assert.equal(number(await fixed.start(2)), 1);
});

test("no medium at the start: a unit of 0 sectors, which can discard once a medium can", async () => {
  await using disk = await reader();
  await disk.sim.command("eject");
  const started = await disk.start();
  const [unit] = started.units;
  const discard = () => unit!.request("discard", { lba: 0, count: 8, medium: number(started) });
  assert.deepEqual([unit!.properties.sectors, unit!.properties.flags], [0, BLOCK_REMOVABLE]);
  assert.equal(unit!.supports("discard"), true);
  await assert.rejects(discard(), { kind: "no-medium" });
  const inserted = new Promise<void>((resolve) => void unit!.on("mediumChanged", () => resolve()));
  await disk.exchange(SIZE, OTHER);
  await inserted;
  assert.equal(unit!.properties.flags & BLOCK_DISCARD, BLOCK_DISCARD);
  await discard();
  assert.deepEqual(await read(started, 0, 8), new Uint8Array(4096));
});
