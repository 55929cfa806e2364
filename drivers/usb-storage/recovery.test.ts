import assert from "node:assert/strict";
import { test } from "node:test";
import { bulkIn, bulkOut, clearHalt, controlOut, reset, type Step } from "@ring3/sdk/test/scripted-usb";
import { hex, IN, OUT, probe, readCdb, recovery, start, type Wire, writeCdb } from "./wire.fixture.ts";

const SECTOR = new Uint8Array(512).fill(0x5a);
const READ = readCdb(5);
const good = (wire: Wire): Step[] => wire.command(READ, { length: 512, in: SECTOR });

/** Probes, then reads sector 5 while the device follows `script`. */
async function readWith(script: (wire: Wire) => Step[]) {
  const rig = await start((wire) => [...probe(wire), ...script(wire)]);
  const read = rig.patient(
    rig.driver.units[0]!.request("read", { lba: 5, count: 1, medium: 1 }, { length: 512 }),
  );
  return { ...rig, read };
}

async function succeeds(script: (wire: Wire) => Step[]): Promise<void> {
  const { read, usb, driver, events } = await readWith(script);
  assert.deepEqual((await read).data, SECTOR);
  assert.deepEqual(events, []);
  usb.done();
  await driver.remove();
}

async function fails(kind: string, script: (wire: Wire) => Step[]): Promise<void> {
  const { read, usb, driver } = await readWith(script);
  await assert.rejects(read, { name: "DeviceError", kind });
  usb.done();
  await driver.remove();
}

/** Asked first after each recovery: the device has nothing to say. */
const nothing = (wire: Wire): Step[] => wire.sense(0x0, 0x00);

/** A first attempt that leaves host and device at odds, the way back, and a second that is fine. */
const recovered = (first: (wire: Wire) => Step[]) => (wire: Wire) => [
  ...first(wire),
  ...recovery(),
  ...nothing(wire),
  ...good(wire),
];

test("a read is CBW, data, CSW", () => succeeds(good));

test("a write is CBW, data, CSW", async () => {
  const rig = await start((wire) => [...probe(wire), ...wire.command(writeCdb(7), { out: SECTOR })]);
  await rig.patient(
    rig.driver.units[0]!.request("write", { lba: 7, count: 1, fua: 0, medium: 1 }, { data: SECTOR }),
  );
  rig.usb.done();
  await rig.driver.remove();
});

test("stall in the data phase: cleared, and the status read (§6.7.2)", () =>
  fails("medium", (wire) => [
    ...wire.start(READ, { length: 512, in: { status: "stall", bytes: SECTOR.subarray(0, 64) } }),
    clearHalt(IN),
    bulkIn(IN, 13, wire.csw(1, 448)),
    ...wire.sense(0x3, 0x11),
  ]));

test("stall of data out: cleared at the out endpoint, and the status read (§6.7.3)", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    bulkOut(OUT, wire.cbw(writeCdb(7), 512, "out")),
    bulkOut(OUT, SECTOR, "stall"),
    clearHalt(OUT),
    bulkIn(IN, 13, wire.csw(1, 512)),
    ...wire.sense(0x7, 0x27),
  ]);
  const write = rig.driver.units[0]!.request(
    "write",
    { lba: 7, count: 1, fua: 0, medium: 1 },
    { data: SECTOR },
  );
  await assert.rejects(rig.patient(write), { kind: "read-only" });
  rig.usb.done();
  await rig.driver.remove();
});

test("stall of the status: cleared, and read again (§5.3.3)", () =>
  succeeds((wire) => [
    ...wire.start(READ, { length: 512, in: SECTOR }),
    bulkIn(IN, 13, "stall"),
    clearHalt(IN),
    bulkIn(IN, 13, wire.csw()),
  ]));

test("two stalls of the status: reset recovery, then again (§5.3.3)", () =>
  succeeds(
    recovered((wire) => [
      ...wire.start(READ, { length: 512, in: SECTOR }),
      bulkIn(IN, 13, "stall"),
      clearHalt(IN),
      bulkIn(IN, 13, "stall"),
    ]),
  ));

test("an empty packet before the status is passed over", () =>
  succeeds((wire) => [
    ...wire.start(READ, { length: 512, in: SECTOR }),
    bulkIn(IN, 13, hex("")),
    bulkIn(IN, 13, wire.csw()),
  ]));

test("a refused CBW: reset recovery, then again (§6.6.1)", () =>
  succeeds(recovered((wire) => [bulkOut(OUT, wire.cbw(READ, 512, "in"), "stall")])));

const status = (csw: (wire: Wire) => Uint8Array) =>
  recovered((wire) => [...wire.start(READ, { length: 512, in: SECTOR }), bulkIn(IN, 13, csw(wire))]);

test("CSW with a wrong tag: reset recovery, then again (§6.3.1)", () =>
  succeeds(status((wire) => wire.csw(0, 0, wire.tag - 1))));

test("CSW with a wrong signature: reset recovery, then again (§6.3.1)", () =>
  succeeds(status((wire) => wire.csw().fill(0x20, 0, 4))));

test("CSW of 12 bytes: reset recovery, then again (§6.3.1)", () =>
  succeeds(status((wire) => wire.csw().subarray(0, 12))));

test("CSW with an unknown status: reset recovery, then again (§6.3.2)", () =>
  succeeds(status((wire) => wire.csw(3 as 2))));

test("CSW with a residue beyond the length: reset recovery, then again (§6.3.2)", () =>
  succeeds(status((wire) => wire.csw(0, 513))));

test("phase error: reset recovery, then again (§6.6.2)", () => succeeds(status((wire) => wire.csw(2, 512))));

test("more data than asked for: reset recovery, then again", () =>
  succeeds(
    recovered((wire) => wire.start(READ, { length: 512, in: { status: "overflow", bytes: SECTOR } })),
  ));

test("a transfer error: reset recovery, then again", () =>
  succeeds(recovered((wire) => wire.start(READ, { length: 512, in: "error" }))));

test("a status instead of the data is taken as the status", () =>
  fails("medium", (wire) => {
    const cbw = bulkOut(OUT, wire.cbw(READ, 512, "in"));
    return [cbw, bulkIn(IN, 512, wire.csw(1, 512)), ...wire.sense(0x3, 0x11)];
  }));

test("short data with status passed is read again, without a reset, and never taken for a success", async () => {
  const short = (wire: Wire): Step[] =>
    wire.command(READ, { length: 512, in: SECTOR.subarray(0, 256), residue: 256 });
  await succeeds((wire) => [...short(wire), ...good(wire)]);
  await fails("io", (wire) => [...short(wire), ...short(wire), ...short(wire)]);
});

test("short data without a residue is no success either", () =>
  succeeds((wire) => [...wire.command(READ, { length: 512, in: SECTOR.subarray(0, 256) }), ...good(wire)]));

test("a residue although all data came is no success", () =>
  succeeds((wire) => [...wire.command(READ, { length: 512, in: SECTOR, residue: 512 }), ...good(wire)]));

test("a hung device is reset at half of the request's time, and the read repeated", () =>
  succeeds(recovered((wire) => wire.start(READ, { length: 512, in: "hang" }))));

test("a device that hangs again and again: the request fails with timeout", () =>
  fails("timeout", (wire) => {
    const hang = (): Step[] => wire.start(READ, { length: 512, in: "hang" });
    const again = (): Step[] => [...recovery(), ...nothing(wire), ...hang()];
    return [...hang(), ...again(), ...again()];
  }));

test("a refused mass storage reset: the device is reset as a whole", () =>
  succeeds((wire) => [
    ...wire.start(READ, { length: 512, in: "error" }),
    controlOut({ requestType: 0x21, request: 0xff, value: 0, index: 0 }, hex(""), "stall"),
    reset(),
    ...nothing(wire),
    ...good(wire),
  ]));

test("a halt that cannot be cleared: the device is reset as a whole", () =>
  succeeds((wire) => [
    ...wire.start(READ, { length: 512, in: "error" }),
    ...recovery().slice(0, 2),
    clearHalt(OUT, "error"),
    reset(),
    ...nothing(wire),
    ...good(wire),
  ]));

test("a gone device fails at once, without recovery", () =>
  fails("disconnected", (wire) => wire.start(READ, { length: 512, in: "gone" })));

test("a cancelled request leaves the pipe to the next one, which recovers first", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.start(READ, { length: 512, in: "hang" }),
    ...recovery(),
    ...nothing(wire),
    ...good(wire),
  ]);
  const [unit] = rig.driver.units;
  const controller = new AbortController();
  const cancelled = unit!.request(
    "read",
    { lba: 5, count: 1, medium: 1 },
    { length: 512, signal: controller.signal },
  );
  await new Promise(setImmediate);
  controller.abort();
  await assert.rejects(rig.patient(cancelled), { kind: "cancelled" });
  assert.deepEqual(
    (await rig.patient(unit!.request("read", { lba: 5, count: 1, medium: 1 }, { length: 512 }))).data,
    SECTOR,
  );
  rig.usb.done();
  await rig.driver.remove();
});

test("requests wait for their turn and are sent one after the other", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...[1, 2, 3].flatMap((lba) => wire.command(readCdb(lba), { length: 512, in: SECTOR })),
  ]);
  const read = (lba: number) =>
    rig.driver.units[0]!.request("read", { lba, count: 1, medium: 1 }, { length: 512 });
  await rig.patient(Promise.all([read(1), read(2), read(3)]));
  rig.usb.done();
  await rig.driver.remove();
});
