// Runs in: tests. What a driver asks of a disk at its first start, and after a death.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drive, MIB, pattern, read, type Started, type Transport, write } from "./simulated-drive.fixture.ts";

/** Commands that were sent, by their operation codes: byte 15 of a CBW (Bulk-Only 1.0 §5.1). */
function overheard(codes: number[]) {
  return (transport: Transport): Transport => ({
    ...bound(transport),
    transfer(type, endpoint, data, signal) {
      if (data.length === 31 && endpoint < 0x80) codes.push(data[15]!);
      return transport.transfer(type, endpoint, data, signal);
    },
  });
}

function bound(transport: Transport): Transport {
  const names = [
    "control",
    "isochronous",
    "clearHalt",
    "setInterface",
    "claim",
    "release",
    "reset",
    "close",
  ] as const;
  const methods = Object.fromEntries(names.map((name) => [name, transport[name].bind(transport)]));
  return { gone: transport.gone, ...methods } as unknown as Transport;
}

/** All residues are as large as the data: dCBWDataTransferLength and dCSWDataResidue lie at byte 8 (Bulk-Only 1.0 §5.1, §5.2). */
function lyingAboutResidues(transport: Transport): Transport {
  let announced = 0;
  return {
    ...bound(transport),
    async transfer(type, endpoint, data, signal) {
      const view = new DataView(data.buffer, data.byteOffset, data.length);
      if (data.length === 31 && endpoint < 0x80) announced = view.getUint32(8, true);
      const outcome = await transport.transfer(type, endpoint, data, signal);
      if (data.length === 13 && outcome.bytes === 13) view.setUint32(8, announced, true);
      return outcome;
    },
  };
}

const MODE_SENSE_6 = 0x1a;
const GET_MAX_LUN = 0xfe; // Bulk-Only 1.0 §3.2
const INQUIRY = 0x12;
const propertiesOf = ({ units: [unit] }: Started) => unit!.properties;

test("after a death a fixed disk is not asked again what it has told the driver before, and is the same", async () => {
  await using disk = await drive(MIB);
  const [first, second]: [number[], number[]] = [[], []];
  const before = await disk.start(1, overheard(first));
  const properties = propertiesOf(before);
  await before.usb.transport.close();
  const after = await disk.start(2, overheard(second));
  assert.deepEqual(propertiesOf(after), properties);
  assert.equal(first.includes(MODE_SENSE_6), true);
  assert.deepEqual([second.includes(MODE_SENSE_6), second.includes(INQUIRY)], [false, false]);
  assert.ok(second.length < first.length, `${second.length} of ${first.length}`);
  await write(after, 0, pattern(512));
  assert.deepEqual(await read(after, 0, 1), pattern(512));
});

for (const [what, happens, ...args] of [
  ["that tells of a loss of power", "fault unit-attention-power-on"],
  ["whose medium can be exchanged", "", "--removable"],
] as const)
  test(`a disk ${what} is asked all of it again`, async () => {
    await using disk = await drive(MIB, ...args);
    const codes: number[] = [];
    const before = await disk.start();
    await before.usb.transport.close();
    if (happens !== "") await disk.sim.command(happens);
    const after = await disk.start(2, overheard(codes));
    assert.equal(codes.includes(MODE_SENSE_6), true);
    assert.equal(propertiesOf(after).medium, 1);
  });

test("a kept inquiry, or a highest LUN, that is none is asked for again", async () => {
  await using disk = await drive(MIB);
  const before = await disk.start();
  const kept = before.state.readState() as { 0: object };
  for (const wrong of [
    { 0: { ...kept[0], about: { type: 0 } } },
    { 0: { ...kept[0], about: [] }, device: { last: -1, ignoreResidue: false } },
    { device: { last: 1e9, ignoreResidue: false } },
    { device: { last: 0.5, ignoreResidue: true } },
    { device: { last: 0 } },
  ]) {
    before.state.writeState(wrong as never);
    const codes: number[] = [];
    const after = await disk.start(2, overheard(codes));
    assert.equal(codes.includes(INQUIRY), true);
    assert.equal(after.units.length, 1);
  }
});

test("kept particulars that are none are asked for again", async () => {
  await using disk = await drive(MIB);
  const before = await disk.start();
  const properties = propertiesOf(before);
  const kept = before.state.readState() as { 0: object };
  for (const particulars of [7, [], { readOnly: true }, { ...kept[0], limits: null }]) {
    before.state.writeState({ 0: { ...kept[0], particulars } });
    const codes: number[] = [];
    const after = await disk.start(2, overheard(codes));
    assert.equal(codes.includes(MODE_SENSE_6), true);
    assert.deepEqual(propertiesOf(after), properties);
  }
});

test("a device whose residues are wrong is known as such after a death, though it is not asked who it is again", async () => {
  await using disk = await drive(MIB);
  const before = await disk.start(1, lyingAboutResidues);
  await write(before, 0, pattern(512));
  await before.usb.transport.close();
  const after = await disk.start(2, lyingAboutResidues);
  assert.deepEqual(await read(after, 0, 1), pattern(512));
});

test("a highest LUN that the device did not say is asked for again, and its wrong residues are known all the same", async () => {
  await using disk = await drive(MIB);
  const asked: number[] = [];
  const silent = (transport: Transport): Transport => ({
    ...bound(transport),
    transfer: transport.transfer.bind(transport),
    async control(setup, data, signal) {
      if (setup.request !== GET_MAX_LUN) return transport.control(setup, data, signal);
      asked.push(setup.request);
      return { status: "error", bytes: 0, errno: 71 };
    },
  });
  const hostile = (transport: Transport) => silent(lyingAboutResidues(transport));
  const before = await disk.start(1, hostile);
  await write(before, 0, pattern(512));
  await before.usb.transport.close();
  const after = await disk.start(2, hostile);
  assert.equal(asked.length, 2);
  assert.deepEqual(await read(after, 0, 1), pattern(512));
});
