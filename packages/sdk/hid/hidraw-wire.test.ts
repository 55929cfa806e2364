// Runs in: node --test. Owns: nothing. The same HidDevice as over USB, behind a hidraw node.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import { bootKeyboard, bytes, dualSense } from "@ring3/core/hid/descriptors.fixture";
import { currentWait, runWithin } from "../request-context.ts";
import { type HidrawOptions, playedHidraw } from "../test/played-hidraw.ts";
import { openHid } from "./device.ts";
import { surroundings } from "./hid.fixture.ts";

/** A feature report of two bytes without an id. */
const featured = bytes("06 00 ff 09 01 a1 01 09 02 15 00 26 ff 00 75 08 95 02 b1 02 c0");
const turn = () => new Promise(setImmediate);

async function opened(descriptor: Uint8Array, options: HidrawOptions = {}) {
  const played = playedHidraw(descriptor, options);
  const { ctx, clock, incarnation } = surroundings(descriptor);
  const hid = await openHid(played.hid, ctx);
  const heard: string[] = [];
  const listen = () =>
    hid.addEventListener("inputreport", ({ reportId, bytes: report }) =>
      heard.push(`${reportId}: ${Buffer.from(report).toString("hex")}`),
    );
  return { ...played, ctx, clock, incarnation, device: hid, heard, listen };
}

test("it is what it is over USB: ids, name, version, collections", async () => {
  const { device } = await opened(dualSense, {
    vendorId: 0x054c,
    productId: 0x0ce6,
    product: "Wireless Controller",
    version: 0x8100,
  });
  assert.deepEqual(
    [device.vendorId, device.productId, device.name, device.version, device.opened],
    [0x054c, 0x0ce6, "Wireless Controller", 0x8100, true],
  );
  assert.deepEqual([device.collections[0]!.usage, device.layout.input.reports.get(1)!.bytes], [5, 63]);
});

test("reports are heard from the first listener on, with what came before, the id apart where there is one", async () => {
  const pad = await opened(dualSense);
  await pad.send(bytes("01 0a 0b"));
  assert.deepEqual(pad.heard, []);
  pad.listen();
  await pad.send(bytes("01 14"));
  assert.deepEqual(pad.heard, ["1: 0a0b", "1: 14"]);
  const keyboard = await opened(bootKeyboard);
  keyboard.listen();
  await keyboard.send(bytes("02 00 04"));
  assert.deepEqual(keyboard.heard, ["0: 020004"]);
});

test("what is sent has its id before it, or the 0 that stands for none", async () => {
  const pad = await opened(dualSense);
  await pad.device.sendReport(2, bytes("07 09"));
  await pad.device.sendFeatureReport(8, bytes("01"));
  assert.deepEqual(pad.reports, ["output: 020709", "feature: 0801"]);
  const keyboard = await opened(bootKeyboard);
  await keyboard.device.sendReport(0, bytes("02"));
  assert.deepEqual(keyboard.reports, ["output: 0002"]);
  await assert.rejects(keyboard.device.sendReport(1, bytes("02")), { kind: "invalid" });
});

test("a feature report comes with its id where it has one; without, whether or not the kernel leaves room for it", async () => {
  const pad = await opened(dualSense, { features: { 5: bytes("05 aa bb") } });
  const view = await pad.device.receiveFeatureReport(5);
  assert.deepEqual([view.byteLength, view.getUint8(0), view.getUint8(2)], [3, 5, 0xbb]);
  for (const brought of ["00 aa bb", "aa bb"]) {
    const { device } = await opened(featured, { features: { 0: bytes(brought) } });
    const bare = await device.receiveFeatureReport(0);
    assert.deepEqual([bare.byteLength, bare.getUint8(0), bare.getUint8(1)], [2, 0xaa, 0xbb]);
  }
  await assert.rejects(pad.device.receiveFeatureReport(0x20), { kind: "stall" });
});

test("a refusal is an error of its kind, and a request whose time is up asks the device nothing", async () => {
  const pad = await opened(dualSense, { report: () => "stall" });
  await assert.rejects(pad.device.sendReport(2, bytes("01")), { kind: "stall" });
  const late = { deadlineMs: pad.ctx.now() };
  await assert.rejects(pad.device.sendReport(2, bytes("02"), late), { kind: "timeout" });
  assert.deepEqual(pad.reports, ["output: 0201"]);
});

test("an unplugged device ends its opening, and rejects what is asked", async () => {
  const pad = await opened(dualSense);
  pad.listen();
  pad.unplug();
  await pad.device.ended;
  await assert.rejects(pad.device.sendReport(2, bytes("01")), { kind: "disconnected" });
});

test("what a listener throws ends the opening with that", async () => {
  const pad = await opened(dualSense);
  pad.device.oninputreport = () => {
    throw new DeviceError("protocol", "a report");
  };
  const ended = assert.rejects(pad.device.ended, { kind: "protocol" });
  await pad.send(bytes("01"));
  await ended;
});

test("a listener's waits are no request's, whoever has listened first", async () => {
  const pad = await opened(dualSense);
  const request = new AbortController();
  let inside: AbortSignal | undefined;
  runWithin({ signal: request.signal }, () => {
    pad.device.oninputreport = () => {
      inside = currentWait()?.signal;
    };
  });
  await pad.send(bytes("01"));
  request.abort();
  assert.equal(inside!.aborted, false);
});

test("after a close nothing is heard, nor what came meanwhile when it is opened anew; the listeners are those that there were", async () => {
  const pad = await opened(dualSense);
  pad.listen();
  await pad.device.close();
  for (let count = 0; count < 63; count++) await pad.send(bytes("01 00"));
  await pad.send(bytes("01 01"), bytes("01 00")); // pressed; the kernel has no room for the release
  await turn();
  assert.deepEqual(pad.heard, []);
  await pad.device.open();
  assert.deepEqual(pad.heard, []);
  await pad.send(bytes("01 02"));
  assert.deepEqual(pad.heard, ["1: 02"]);
  pad.incarnation.stop(new DeviceError("cancelled", "remove"));
  await pad.device.ended;
});

test("a report descriptor that is none is refused", async () => {
  await assert.rejects(opened(bytes("05 01 09 06 a1 01 81")), { kind: "protocol" });
});
