import assert from "node:assert/strict";
import { test } from "node:test";
import { bootKeyboard, dualSense, mouse } from "@ring3/core/hid/descriptors.fixture";
import { HidReport } from "@ring3/core/hid/report";
import { led } from "@ring3/core/hid/usages";
import { runWithin } from "../request-context.ts";
import { playedHidraw } from "../test/played-hidraw.ts";
import { controlIn, controlOut, interruptOut } from "../test/scripted-usb.ts";
import { openHid } from "./device.ts";
import {
  getDescriptor,
  hidDescriptor,
  INTERFACE,
  opening,
  setIdle,
  setProtocol,
  surroundings,
} from "./hid.fixture.ts";
import type { HidContext } from "./types.ts";

const NO_BYTES = new Uint8Array(0);
const report = (type: number, id: number) => ({ value: (type << 8) | id, index: INTERFACE });
const getReport = (type: number, id: number) => ({ requestType: 0xa1, request: 0x01, ...report(type, id) });
const setReport = (type: number, id: number) => ({ requestType: 0x21, request: 0x09, ...report(type, id) });

test("opening reads the report descriptor and asks for changes only", async () => {
  const { open, transport } = surroundings(dualSense);
  const hid = await open();
  assert.deepEqual([hid.opened, hid.vendorId, hid.productId, hid.productName], [true, 0x054c, 0x0ce6, "Pad"]);
  assert.deepEqual([hid.name, hid.version, hid.bustype], ["Pad", 0x0111, 3]);
  assert.deepEqual([hid.collections[0]!.usagePage, hid.collections[0]!.usage], [1, 5]);
  assert.equal(hid.layout.input.reports.get(1)!.bytes, 63);
  transport.done();
});

test("a device behind a hidraw node is on the bus that the kernel has it on", async () => {
  const { hid: node } = playedHidraw(Uint8Array.from(mouse), { bustype: 24 });
  const hid = await openHid(node, { now: () => 0, signal: new AbortController().signal } as HidContext);
  assert.equal(hid.bustype, 24);
  await hid.close();
});

test("a boot interface is put into the report protocol", async () => {
  const script = [...opening(bootKeyboard), controlOut(setProtocol)];
  const { open, transport } = surroundings(bootKeyboard, { subclass: 1, script });
  await open();
  transport.done();
});

for (const answer of ["stall", "error"] as const)
  test(`SET_IDLE and SET_PROTOCOL may end in ${answer}`, async () => {
    const [descriptor] = opening(mouse);
    const script = [
      descriptor!,
      controlOut(setIdle, NO_BYTES, answer),
      controlOut(setProtocol, NO_BYTES, answer),
    ];
    const { open, transport } = surroundings(mouse, { subclass: 1, script });
    assert.equal((await open()).opened, true);
    transport.done();
  });

test("SET_IDLE may go unanswered; a device that is gone rejects", async () => {
  const [descriptor] = opening(mouse);
  const silent = surroundings(mouse, { script: [descriptor!, controlOut(setIdle, NO_BYTES, "hang")] });
  const opened = silent.open();
  for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
  silent.clock.advance(5000);
  assert.equal((await opened).opened, true);
  const gone = surroundings(mouse, { script: [descriptor!, controlOut(setIdle, NO_BYTES, "gone")] });
  await assert.rejects(gone.open(), { kind: "disconnected", message: /SET_IDLE/ });
});

test("a HID descriptor that does not lie behind the interface is asked for", async () => {
  const asked = { ...getDescriptor, value: 0x2100 };
  const script = [controlIn(asked, 9, hidDescriptor(mouse.length)), ...opening(mouse)];
  const { open, transport } = surroundings(mouse, { extra: NO_BYTES, script });
  assert.equal((await open()).version, 0x0111);
  transport.done();
});

test("the report descriptor's length is found behind other class descriptors", async () => {
  const extra = Uint8Array.of(
    5,
    0x24,
    1,
    0x22,
    9,
    12,
    0x21,
    0x11,
    1,
    0,
    2,
    0x23,
    7,
    0,
    0x22,
    mouse.length,
    0,
  );
  const { open, transport } = surroundings(mouse, { extra });
  await open();
  transport.done();
});

for (const [length, found] of [
  [0, "0"],
  [4097, "4097"],
  [0x2200, "8704"],
] as const)
  test(`a report descriptor of ${length} bytes is refused without asking for it`, async () => {
    const { open, transport } = surroundings(mouse, { extra: hidDescriptor(length), script: [] });
    const expected = `HID descriptor: wDescriptorLength: expected 1 to 4096, found ${found}: the peer broke the protocol`;
    await assert.rejects(open(), { kind: "protocol", message: expected });
    transport.done();
  });

test("an interface whose HID descriptor has no report descriptor is refused", async () => {
  const extra = Uint8Array.of(9, 0x21, 0x11, 1, 0, 1, 0x23, 7, 0);
  const script = [controlIn({ ...getDescriptor, value: 0x2100 }, 9, extra)];
  await assert.rejects(surroundings(mouse, { extra, script }).open(), {
    kind: "protocol",
    message: /found none/,
  });
});

test("a descriptor that comes short or not at all is asked for again, four times in all", async () => {
  const ask = (answer: "stall" | "error" | Uint8Array) => controlIn(getDescriptor, mouse.length, answer);
  const better = [ask("stall"), ask("error"), ask(mouse.subarray(0, 8)), ask(mouse), controlOut(setIdle)];
  const { open, transport } = surroundings(mouse, { script: better });
  await open();
  transport.done();
  const never = surroundings(mouse, { script: [ask("stall"), ask("stall"), ask("stall"), ask("stall")] });
  await assert.rejects(never.open(), { kind: "stall", message: /report descriptor/ });
  never.transport.done();
});

test("a device that says its descriptor is longer is taken at its bytes; one that cuts it is refused", async () => {
  const extra = hidDescriptor(mouse.length + 1);
  const ask = (bytes: Uint8Array) =>
    Array.from({ length: 4 }, () => controlIn(getDescriptor, mouse.length + 1, bytes));
  const { open, transport } = surroundings(mouse, { extra, script: [...ask(mouse), controlOut(setIdle)] });
  await open();
  transport.done();
  const cut = surroundings(mouse, { extra, script: ask(mouse.subarray(0, 20)) });
  await assert.rejects(cut.open(), {
    kind: "protocol",
    message: /^HID report descriptor, offset 20: end: expected End/,
  });
});

test("an interface without an interrupt IN endpoint is no HID device", async () => {
  await assert.rejects(surroundings(mouse, { in: false }).open(), {
    kind: "unsupported",
    message: /interface 2/,
  });
});

test("an output report goes to the interrupt OUT endpoint, behind its id", async () => {
  const bytes = Uint8Array.from({ length: 48 }, (_, at) => (at === 0 ? 2 : at));
  const { open, transport } = surroundings(dualSense, {
    out: true,
    script: [...opening(dualSense), interruptOut(0x03, bytes), interruptOut(0x03, bytes, "stall")],
  });
  const hid = await open();
  await hid.sendReport(2, bytes.subarray(1));
  await assert.rejects(hid.sendReport(2, bytes.slice(1).buffer), {
    kind: "stall",
    message: /output report 2/,
  });
  transport.done();
});

test("without such an endpoint it is SET_REPORT; without ids there is none before it", async () => {
  const { open, transport } = surroundings(bootKeyboard, {
    script: [...opening(bootKeyboard), controlOut(setReport(2, 0), Uint8Array.of(0b10))],
  });
  const hid = await open();
  const leds = new HidReport(hid.layout.output.reports.get(0)!);
  leds.set(led.capsLock, 1);
  await hid.sendReport(0, leds.encode());
  transport.done();
});

test("feature reports are set and got with their ids, as long as declared", async () => {
  const sent = Uint8Array.of(8, 1, 2, 3);
  const got = Uint8Array.from({ length: 41 }, (_, at) => at + 5);
  const { open, transport } = surroundings(dualSense, {
    script: [
      ...opening(dualSense),
      controlOut(setReport(3, 8), sent),
      controlIn(getReport(3, 5), 41, got),
      controlIn(getReport(3, 9), 20, got.subarray(0, 7)),
      controlIn(getReport(3, 9), 20, "stall"),
    ],
  });
  const hid = await open();
  await hid.sendFeatureReport(8, sent.subarray(1));
  const data = await hid.receiveFeatureReport(5);
  assert.deepEqual([data.byteLength, data.getUint8(0), data.getUint8(40)], [41, 5, 45]);
  assert.equal((await hid.receiveFeatureReport(9)).byteLength, 7);
  await assert.rejects(hid.receiveFeatureReport(9), { kind: "stall", message: /feature report 9/ });
  transport.done();
});

test("an id that cannot be, and a device that is closed, are refused before anything is sent", async () => {
  const pad = await surroundings(dualSense).open();
  const ids = { kind: "invalid", message: /expected an id of 1 to 255/ };
  await assert.rejects(pad.sendReport(0, NO_BYTES), ids);
  await assert.rejects(pad.sendFeatureReport(256, NO_BYTES), ids);
  await assert.rejects(pad.receiveFeatureReport(7), {
    kind: "invalid",
    message: /expected one of 5, 8, 9, 32/,
  });
  const keys = await surroundings(bootKeyboard).open();
  await assert.rejects(keys.sendReport(1, NO_BYTES), {
    kind: "invalid",
    message: /expected 0, for they have no ids/,
  });
  await keys.close();
  const closed = { kind: "invalid", message: /expected it to be open/ };
  await assert.rejects(keys.sendReport(0, NO_BYTES), closed);
  await assert.rejects(keys.receiveFeatureReport(0), closed);
});

test("a device that does not answer is waited for 5 s, or as long as the request around it may take", async () => {
  const bytes = Uint8Array.of(2, 1);
  const hanging = interruptOut(0x03, bytes, "hang");
  const { open, clock, transport } = surroundings(dualSense, {
    out: true,
    script: [...opening(dualSense), hanging, hanging, hanging],
  });
  const hid = await open();
  const send = (deadlineMs?: number) =>
    hid.sendReport(2, bytes.subarray(1), deadlineMs === undefined ? undefined : { deadlineMs });
  const endsAt = async (sent: Promise<void>, atMs: number): Promise<void> => {
    const failed = assert.rejects(sent, { kind: "timeout", message: /output report 2/ });
    clock.advance(atMs - 1 - clock.now());
    assert.equal(clock.pending, 1);
    clock.advance(1);
    await failed;
  };
  await endsAt(send(), 5000);
  await endsAt(
    runWithin({ deadlineMs: 5300 }, () => send()),
    5300,
  );
  await endsAt(send(5500), 5500);
  assert.equal(clock.pending, 0);
  transport.done();
});
