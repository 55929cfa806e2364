import assert from "node:assert/strict";
import { test } from "node:test";
import { askedFor, prefixed, received } from "./reports.ts";
import { ScriptedHidraw } from "./scripted-hidraw.fixture.ts";
import { hidrawTransport } from "./transport.ts";

const report = (...bytes: readonly number[]) => Uint8Array.from(bytes);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function listening() {
  const kernel = new ScriptedHidraw();
  const transport = hidrawTransport(kernel);
  const heard: string[] = [];
  return { kernel, transport, heard, listen: () => transport.listen((bytes) => void heard.push(hex(bytes))) };
}

test("reports that came before anybody listened are heard first, in their order", () => {
  const { kernel, heard, listen } = listening();
  kernel.send(report(1, 2), report(3));
  assert.equal(kernel.left, 2);
  listen();
  kernel.send(report(4, 5, 6));
  assert.deepEqual(heard, ["0102", "03", "040506"]);
});

test("who listens no more lets reports wait in the kernel", () => {
  const { kernel, transport, heard, listen } = listening();
  listen();
  transport.listen(undefined);
  kernel.send(report(1));
  assert.deepEqual([heard, kernel.left, kernel.heeds], [[], 1, false]);
});

test("what has waited is thrown away unheard, and the device that went meanwhile is gone", async () => {
  const { kernel, transport, heard, listen } = listening();
  kernel.send(...new Array(64).fill(report(1)));
  transport.drain();
  listen();
  kernel.send(report(2));
  assert.deepEqual([heard, kernel.left], [["02"], 0]);
  kernel.revoke();
  transport.drain();
  await transport.gone;
});

test("of a flood of reports so many are heard in a turn as the kernel keeps", () => {
  const { kernel, heard, listen } = listening();
  kernel.send(...new Array(70).fill(report(1)));
  listen();
  assert.deepEqual([heard.length, kernel.left], [64, 6]);
});

test("a listener that closes the transport hears nothing more", () => {
  const { kernel, transport } = listening();
  let count = 0;
  transport.listen(() => {
    count++;
    void transport.close();
  });
  kernel.send(report(1), report(2));
  assert.deepEqual([count, kernel.closed], [1, true]);
});

test("what was sent before the device went is heard, then that it is gone", async () => {
  const { kernel, transport, heard, listen } = listening();
  listen();
  kernel.heeds = false; // it comes together
  kernel.send(report(7));
  kernel.unplug();
  await transport.gone;
  assert.deepEqual([heard, kernel.closed], [["07"], true]);
  assert.deepEqual(transport.sendOutput(report(0, 1)), { status: "gone", bytes: 0, errno: 19 });
  assert.deepEqual(kernel.heard, [], "a number that may be another's by now is not used");
});

test("a revoked descriptor is gone as soon as it is used", async () => {
  const { kernel, transport } = listening();
  kernel.revoke();
  assert.equal(transport.sendFeature(report(3, 1)).status, "gone");
  await transport.gone;
});

test("requests have the length of what they carry, and the device's answer is an outcome", () => {
  const { kernel, transport } = listening();
  kernel.features.set(3, report(3, 0x5a));
  assert.deepEqual(transport.sendOutput(prefixed(2, report(7, 9))), { status: "ok", bytes: 3, errno: 0 });
  assert.deepEqual(transport.sendFeature(prefixed(3, report(1))), { status: "ok", bytes: 2, errno: 0 });
  const asked = askedFor(3, 1);
  assert.deepEqual(transport.receive("feature", asked), { status: "ok", bytes: 2, errno: 0 });
  assert.equal(hex(asked), "035a");
  assert.deepEqual(transport.receive("input", askedFor(1, 2)), { status: "error", bytes: 0, errno: 5 });
  kernel.answer = -32; // EPIPE: the device stalled
  assert.equal(transport.sendOutput(report(0)).status, "stall");
  assert.deepEqual(kernel.heard, [
    "output: 020709",
    "set feature: 0301",
    "get feature of 2 bytes: 0300",
    "get input of 3 bytes: 010000",
    "output: 00",
  ]);
});

test("a closed transport cancels, and is not gone", async () => {
  const { transport } = listening();
  await transport.close();
  assert.equal(transport.sendOutput(report(0, 1)).status, "cancelled");
  assert.equal(await Promise.race([transport.gone, Promise.resolve("open")]), "open");
});

const BLUETOOTH = 5; // linux/input.h
const I2C = 0x18;

for (const [what, bustype, numbered, brought, found] of [
  ["with an id keeps it", BLUETOOTH, true, [3, 0x5a, 0x5b], "035a5b"],
  ["without ids loses the byte in its place (i2c-hid)", I2C, false, [0, 0x5a, 0x5b], "5a5b"],
  ["without ids that is shorter than asked for loses it too (i2c-hid)", I2C, false, [0, 0x5a], "5a"],
  ["without ids and without the byte is whole (hidp, uhid)", BLUETOOTH, false, [0x5a, 0x5b], "5a5b"],
  ["that is shorter than asked for, with an id, is as it came", I2C, true, [3], "03"],
] as const)
  test(`a feature report ${what}`, () => {
    const asked = askedFor(numbered ? 3 : 0, 2);
    asked.set(brought);
    assert.equal(hex(received(numbered, asked, brought.length, bustype)), found);
  });
