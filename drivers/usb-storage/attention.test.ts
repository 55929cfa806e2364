import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_MEDIUM_PRESENT, BLOCK_READ_ONLY, BLOCK_REMOVABLE, BLOCK_WRITE_CACHE } from "@ring3/sdk";
import { clearHalt, reset, type Step } from "@ring3/sdk/test/scripted-usb";
import {
  hex,
  inquire,
  look,
  maxLun,
  OUT,
  probe,
  readCapacity,
  readCdb,
  recovery,
  SYNC,
  start,
  TUR,
  type Wire,
} from "./wire.fixture.ts";

const SECTOR = new Uint8Array(512).fill(0x5a);
const READ = readCdb(5);
const REMOVABLE = `00 80 02 02 1f000000 ${"41".repeat(28)}`;
const good = (wire: Wire): Step[] => wire.command(READ, { length: 512, in: SECTOR });

type Rig = Awaited<ReturnType<typeof start>>;
const geometry = (rig: Rig) => rig.driver.units[0]!.properties;
const read = (rig: Rig, lba = 5, medium = geometry(rig).medium) =>
  rig.patient(rig.driver.units[0]!.request("read", { lba, count: 1, medium }, { length: 512 }));
const flush = (rig: Rig, medium = geometry(rig).medium) =>
  rig.patient(rig.driver.units[0]!.request("flush", { medium }));

async function done(rig: Rig): Promise<void> {
  rig.usb.done();
  await rig.driver.remove();
}

test("power on in the middle: powerLost comes before the answer, and the command is sent again", async () => {
  const order: unknown[] = [];
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.refused(SYNC, 0x6, 0x29, 0x01),
    ...wire.command(SYNC),
  ]);
  rig.driver.units[0]!.on("powerLost", () => order.push("powerLost"));
  await flush(rig).then(() => order.push("flushed"));
  assert.deepEqual(order, ["powerLost", "flushed"]);
  await done(rig);
});

test("a reset that nobody here made may have been a loss of power", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.command(READ, { length: 512, in: hex(""), residue: 512, status: 1 }),
    ...wire.sense(0x6, 0x29),
    ...good(wire),
  ]);
  await read(rig);
  assert.deepEqual(rig.events, ["powerLost"]);
  await done(rig);
});

test("the attention after a port reset of our own is no loss of power; the next one, after a class reset, is", async () => {
  const told = (wire: Wire): Step[] => [
    ...wire.command(READ, { length: 512, in: hex(""), residue: 512, status: 1 }),
    ...wire.sense(0x6, 0x29),
  ];
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.start(READ, { length: 512, in: "error" }),
    ...recovery().slice(0, 2),
    clearHalt(OUT, "error"),
    reset(),
    ...wire.sense(0x0, 0x00),
    ...told(wire),
    ...good(wire),
    ...wire.start(READ, { length: 512, in: "error" }),
    ...recovery(),
    ...wire.sense(0x0, 0x00),
    ...told(wire),
    ...good(wire),
  ]);
  await read(rig);
  assert.deepEqual(rig.events, []);
  await read(rig);
  assert.deepEqual(rig.events, ["powerLost"]);
  await done(rig);
});

test("a deferred error: an acknowledged write is lost", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.command(SYNC, { status: 1 }),
    ...wire.sense(0x3, 0x0c, 0, 0x71),
    ...wire.command(SYNC),
  ]);
  await flush(rig);
  assert.deepEqual(rig.events, ["writesLost"]);
  assert.match(rig.driver.log.at(-1)!.message, /acknowledged writes have failed: sense 3h\/0ch\/00h/);
  await done(rig);
});

test("another medium: the event tells its size, requests for the old one fail, later ones go to it", async () => {
  const rig = await start((wire) => [
    ...probe(wire, { inquiry: REMOVABLE }),
    ...wire.command(READ, { length: 512, in: hex(""), residue: 512, status: 1 }),
    ...wire.sense(0x6, 0x28),
    ...wire.command(TUR),
    ...look(wire, { capacity: "000007ff00000200", mode: "03008000" }),
    ...wire.command(readCdb(2000), { length: 512, in: SECTOR }),
  ]);
  const first = read(rig);
  const queued = read(rig, 6);
  await assert.rejects(first, { kind: "medium-changed" });
  await assert.rejects(queued, { kind: "medium-changed" });
  const flags = BLOCK_REMOVABLE | BLOCK_MEDIUM_PRESENT | BLOCK_WRITE_CACHE | BLOCK_READ_ONLY;
  assert.deepEqual(rig.events, [{ sectors: 2048, sectorBytes: 512, flags, medium: 2 }]);
  await assert.rejects(read(rig, 5, 1), { kind: "medium-changed" });
  await assert.rejects(flush(rig, 1), { kind: "medium-changed" });
  await read(rig, 2000);
  await done(rig);
});

test("another capacity is another medium", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.command(READ, { length: 512, in: hex(""), residue: 512, status: 1 }),
    ...wire.sense(0x6, 0x2a, 0x09),
    ...wire.command(TUR),
    ...look(wire, { capacity: "000007ff00000200" }),
  ]);
  await assert.rejects(read(rig), { kind: "medium-changed" });
  assert.deepEqual([geometry(rig).medium, geometry(rig).sectors], [2, 2048]);
  await done(rig);
});

test("a reset of a device whose medium can be exchanged: of the same size it is the same, and the read goes on", async () => {
  const rig = await start((wire) => [
    ...probe(wire, { inquiry: REMOVABLE }),
    ...wire.command(READ, { length: 512, in: hex(""), residue: 512, status: 1 }),
    ...wire.sense(0x6, 0x29, 0x03),
    ...wire.command(TUR),
    ...look(wire),
    ...good(wire),
  ]);
  await read(rig);
  assert.deepEqual([rig.events, geometry(rig).medium], [[], 1]);
  await done(rig);
});

test("an answer that is lost: a device whose medium can be exchanged is asked what it had to say, then read again", async () => {
  const rig = await start((wire) => [
    ...probe(wire, { inquiry: REMOVABLE }),
    ...wire.start(READ, { length: 512, in: "error" }),
    ...recovery(),
    ...wire.sense(0x0, 0x00),
    ...good(wire),
  ]);
  await read(rig);
  assert.deepEqual([rig.events, geometry(rig).medium], [[], 1]);
  await done(rig);
});

const said = {
  "a loss of power": { key: 0x6, asc: 0x29, ascq: 0x01, told: ["powerLost"] },
  "a damaged sector": { key: 0x3, asc: 0x11, ascq: 0x00, told: [] },
};

for (const [what, { key, asc, ascq, told }] of Object.entries(said))
  test(`a request is taken back while the device says why it has refused it, ${what}: that is heard all the same, and no more`, async () => {
    const controller = new AbortController();
    const rig = await start((wire) => {
      const first = probe(wire);
      const refused = wire.command(READ, { length: 512, in: hex(""), residue: 512, status: 1 });
      const [ask, answer, status] = wire.sense(key, asc, ascq) as [Step, Step, Step];
      const takenBack = { ...answer, meanwhile: () => controller.abort() };
      return [...first, ...refused, ask, takenBack, status, ...good(wire)];
    });
    const { signal } = controller;
    const { medium } = geometry(rig);
    const taken = rig.driver.units[0]!.request("read", { lba: 5, count: 1, medium }, { length: 512, signal });
    await assert.rejects(rig.patient(taken), { kind: "cancelled" });
    await read(rig);
    assert.deepEqual(rig.events, told);
    await done(rig);
  });

test("a medium that is taken out and put back in is noticed while idle", async () => {
  const rig = await start((wire) => [
    ...probe(wire, { inquiry: REMOVABLE }),
    ...wire.refused(TUR, 0x2, 0x3a),
    ...wire.refused(TUR, 0x2, 0x3a),
    ...wire.refused(TUR, 0x6, 0x28),
    ...wire.command(TUR),
    ...look(wire),
  ]);
  const [unit] = rig.driver.units;
  const next = () => rig.patient(new Promise<void>((resolve) => unit!.on("mediumChanged", () => resolve())));
  await next();
  assert.deepEqual(rig.events, [{ sectors: 0, sectorBytes: 512, flags: BLOCK_REMOVABLE, medium: 2 }]);
  await assert.rejects(read(rig), { kind: "no-medium" });
  await assert.rejects(read(rig, 5, 1), { kind: "medium-changed" });
  await next();
  assert.deepEqual([rig.events.length, geometry(rig).medium, geometry(rig).sectors], [2, 3, 1024]);
  await done(rig);
});

test("a reader without a medium is a unit of 0 sectors", async () => {
  const rig = await start((wire) => [
    maxLun(hex("00")),
    ...inquire(wire, { inquiry: REMOVABLE }),
    ...wire.refused(TUR, 0x2, 0x3a),
  ]);
  assert.deepEqual([geometry(rig).sectors, geometry(rig).flags], [0, BLOCK_REMOVABLE]);
  await assert.rejects(read(rig), { kind: "no-medium" });
  await assert.rejects(flush(rig), { kind: "no-medium" });
  await done(rig);
});

test("a new incarnation recovers the pipe first, and its class reset explains no attention", async () => {
  const rig = await start(
    (wire) => [
      ...recovery(),
      maxLun(hex("00")),
      ...inquire(wire),
      ...wire.refused(TUR, 0x6, 0x29),
      ...wire.command(TUR),
      ...look(wire),
      ...good(wire),
    ],
    { incarnation: 2 },
  );
  await read(rig);
  assert.deepEqual(rig.events, ["powerLost"]);
  await done(rig);
});

test("power lost while there was no driver is told before the first answer of the next", async () => {
  const rig = await start(
    (wire) => [
      ...recovery(),
      maxLun(hex("00")),
      ...inquire(wire),
      ...wire.refused(TUR, 0x6, 0x29, 0x01),
      ...wire.command(TUR),
      ...look(wire),
      ...wire.command(SYNC),
    ],
    { incarnation: 2 },
  );
  assert.deepEqual(rig.events, []);
  await flush(rig);
  assert.deepEqual(rig.events, ["powerLost"]);
  await done(rig);
});

test("a power loss that a driver learned of is told by the next one until a request has come after the telling", async () => {
  const restart = (wire: Wire): Step[] => [...recovery(), ...wire.sense(0x0, 0x00), ...readCapacity(wire)];
  const first = await start(
    (wire) => [
      ...recovery(),
      maxLun(hex("00")),
      ...inquire(wire),
      ...wire.refused(TUR, 0x6, 0x29, 1),
      ...wire.command(TUR),
      ...look(wire),
    ],
    { incarnation: 2 },
  );
  const { state } = first.driver;
  const second = await start((wire) => [...restart(wire), ...good(wire)], { incarnation: 3, state });
  await read(second);
  assert.deepEqual(second.events, ["powerLost"]);
  const third = await start((wire) => [...restart(wire), ...good(wire), ...good(wire)], {
    incarnation: 4,
    state,
  });
  await read(third);
  await read(third);
  assert.deepEqual(third.events, ["powerLost"]);
  const fourth = await start((wire) => [...restart(wire), ...good(wire)], { incarnation: 5, state });
  await read(fourth);
  assert.deepEqual(fourth.events, []);
  for (const rig of [first, second, third, fourth]) await done(rig);
});
