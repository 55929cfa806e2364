import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { ok } from "../outcome.ts";
import { runWithin } from "../request-context.ts";
import { endpoint, usbDescriptors, usbInterface } from "../test/descriptors.ts";
import {
  bulkIn,
  bulkOut,
  clearHalt,
  controlIn,
  controlOut,
  type Step,
  scriptedUsb,
} from "../test/scripted-usb.ts";
import { Limit } from "../wait.ts";
import { createUsbDevice } from "./device.ts";

function open(...script: Step[]) {
  const clock = manualClock();
  const transport = scriptedUsb(...script);
  const descriptors = usbDescriptors(
    [
      usbInterface({ class: 8, subclass: 6, protocol: 80 }, [endpoint(0x81, "bulk"), endpoint(0x02, "bulk")]),
      usbInterface({ alternate: 1, class: 8, subclass: 6, protocol: 98 }, [endpoint(0x83, "interrupt")]),
    ],
    { usbVersion: 0x0210, deviceVersion: 0x1234 },
  );
  const parts = { transport, clock, descriptors, strings: {}, configurationValue: 1, interfaceNumber: 0 };
  return { clock, transport, usb: createUsbDevice(parts), parts };
}

test("descriptors in WebUSB's shape", () => {
  const { usb } = open();
  assert.deepEqual([usb.usbVersionMajor, usb.usbVersionMinor, usb.usbVersionSubminor], [2, 1, 0]);
  assert.deepEqual([usb.deviceVersionMajor, usb.deviceVersionMinor, usb.deviceVersionSubminor], [0x12, 3, 4]);
  const [only] = usb.configuration.interfaces;
  assert.equal(only, usb.matched);
  assert.deepEqual(
    only!.alternates.map(({ interfaceProtocol }) => interfaceProtocol),
    [80, 98],
  );
  assert.deepEqual(only!.alternate.endpoints, [
    { endpointNumber: 1, direction: "in", type: "bulk", packetSize: 512, interval: 1 },
    { endpointNumber: 2, direction: "out", type: "bulk", packetSize: 512, interval: 1 },
  ]);
});

test("a configuration or interface the device lacks is refused", () => {
  const { parts } = open();
  assert.throws(() => createUsbDevice({ ...parts, configurationValue: 2 }), {
    kind: "invalid",
    message: /configuration 2/,
  });
  assert.throws(() => createUsbDevice({ ...parts, interfaceNumber: 5 }), {
    kind: "invalid",
    message: /interface 5/,
  });
});

test("transfers carry WebUSB's arguments to the wire and back", async () => {
  const setup = { requestType: 0xa1, request: 0xfe, value: 0, index: 0 };
  const { usb, transport } = open(
    controlIn(setup, 1, Uint8Array.of(3)),
    controlOut({ requestType: 0x42, request: 1, value: 2, index: 3 }, Uint8Array.of(9)),
    bulkOut(0x02, Uint8Array.of(1, 2)),
    bulkIn(0x81, 512, Uint8Array.of(5, 6)),
    bulkIn(0x81, 4, { status: "stall", bytes: Uint8Array.of(1) }),
    clearHalt(0x81),
    bulkIn(0x81, 1, { status: "overflow", bytes: Uint8Array.of(1) }),
  );
  const luns = await usb.controlTransferIn(
    { requestType: "class", recipient: "interface", request: 0xfe, value: 0, index: 0 },
    1,
  );
  assert.equal(ok(luns).getUint8(0), 3);
  const vendor = { requestType: "vendor", recipient: "endpoint", request: 1, value: 2, index: 3 } as const;
  assert.equal((await usb.controlTransferOut(vendor, Uint8Array.of(9))).bytesWritten, 1);
  assert.equal(ok(await usb.transferOut(2, Uint8Array.of(1, 2).buffer)), 2);
  assert.equal(ok(await usb.transferIn(1, 512)).byteLength, 2);
  const stalled = await usb.transferIn(1, 4);
  assert.deepEqual([stalled.status, stalled.data.byteLength], ["stall", 1]);
  assert.throws(() => ok(stalled), { kind: "stall" });
  await usb.clearHalt("in", 1);
  assert.equal((await usb.transferIn(1, 1)).status, "babble");
  transport.done();
});

test("a gone device rejects with disconnected; raw says gone", async () => {
  const { usb } = open(bulkIn(0x81, 1, "gone"), bulkIn(0x81, 1, "gone"));
  await assert.rejects(usb.transferIn(1, 1), { kind: "disconnected" });
  assert.equal((await usb.raw.bulkIn(1, new Uint8Array(1))).status, "gone");
});

test("a deadline cancels the transfer and rejects with timeout once it is reaped", async () => {
  const { usb, clock } = open(bulkIn(0x81, 1, "hang"), bulkIn(0x81, 1, "hang"));
  const waiting = usb.transferIn(1, 1, { deadlineMs: 100 });
  clock.advance(100);
  await assert.rejects(waiting, { kind: "timeout" });
  const raw = usb.raw.bulkIn(1, new Uint8Array(1), { deadlineMs: 200 });
  clock.advance(100);
  assert.deepEqual(await raw, { status: "timeout", bytes: 0, errno: 110 });
  assert.equal(clock.pending, 0);
});

test("a signal cancels; one aborted before keeps the transfer from the wire", async () => {
  const { usb } = open(bulkIn(0x81, 1, "hang"));
  const controller = new AbortController();
  const waiting = usb.transferIn(1, 1, { signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, { kind: "cancelled" });
  await assert.rejects(usb.transferIn(1, 1, { signal: controller.signal }), { kind: "cancelled" });
});

test("a wait that names none has the current request's", async () => {
  const { usb, clock } = open(bulkIn(0x81, 1, "hang"));
  const request = new Limit(clock, 50, "request");
  const waiting = runWithin(request, () => usb.transferIn(1, 1));
  clock.advance(50);
  await assert.rejects(waiting, { kind: "timeout" });
});

test("a stream reads the endpoint of the setting in use, several transfers ahead, whatever the request's deadline", async () => {
  const { usb, transport, clock } = open(
    bulkIn(0x81, 512, Uint8Array.of(1, 2)),
    bulkIn(0x81, 512, "hang"),
    bulkIn(0x81, 512, "hang"),
  );
  const abort = new AbortController();
  const request = new Limit(clock, 50, "request");
  const heard: number[][] = [];
  const heardAll = runWithin(request, async () => {
    const stream = usb.raw.stream(1, { transferBytes: 512, transfers: 2, signal: abort.signal });
    for await (const { data } of stream) heard.push([...data]);
  });
  await new Promise(setImmediate);
  clock.advance(100);
  await new Promise(setImmediate);
  assert.deepEqual(heard, [[1, 2]]);
  transport.done();
  abort.abort();
  await heardAll;
  assert.throws(() => usb.raw.stream(3, { transferBytes: 8, transfers: 1 }), {
    kind: "invalid",
    message: /endpoint 3 in: the device has none/,
  });
});

test("raw control transfers refuse a contradicting direction bit, endpoint numbers a direction bit", () => {
  const { usb } = open();
  const setup = { requestType: 0x21, request: 0xff, value: 0, index: 0 };
  assert.throws(() => usb.raw.controlIn(setup, new Uint8Array(1)), {
    kind: "invalid",
    message: /direction bit 0x80, found 0x21/,
  });
  assert.throws(() => usb.raw.bulkIn(0x81, new Uint8Array(1)), {
    kind: "invalid",
    message: /1 to 15, found 129/,
  });
});

test("a script that is not followed fails naming step, expected and found", async () => {
  const { usb, transport } = open(bulkOut(0x02, Uint8Array.of(1)));
  await assert.rejects(usb.transferOut(2, Uint8Array.of(2)));
  assert.throws(() => transport.done(), {
    message: "step 0: expected bulk out 0x02: 01, found bulk out 0x02: 02",
  });
  const unfinished = open(bulkOut(0x02, Uint8Array.of(1)));
  assert.throws(() => unfinished.transport.done(), /steps left over/);
});
