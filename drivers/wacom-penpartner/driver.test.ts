// Runs in: node --test. Owns: nothing; a played PenPartner.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes } from "@ring3/core/hid/descriptors.fixture";
import { type HidOptions, type PlayedHid, playedHid } from "@ring3/sdk/test/played-hid";
import { runDriver } from "@ring3/sdk/test/run-driver";
import driver from "./driver.ts";

/** As QEMU's usb-wacom-tablet has it: hw/usb/dev-wacom.c, qemu_wacom_hid_report_descriptor. */
const penPartner = bytes(
  "05 01 09 02 a1 01 85 01 09 01 a1 00 05 09 19 01 29 03 15 00 25 01 95 03 75 01 81 02 95 01 75 05 81 01",
  "05 01 09 30 09 31 09 38 15 81 25 7f 75 08 95 03 81 06 95 03 81 01 c0 c0",
  "05 0d 09 01 a1 01 85 02 a1 00 06 00 ff 09 01 15 00 26 ff 00 75 08 95 07 81 02 c0",
  "09 01 85 63 95 07 81 02 09 01 85 01 85 02 95 01 b1 02 09 01 85 03 95 01 b1 02 c0",
);

const played = (options: HidOptions = {}) =>
  playedHid(penPartner, {
    ...{ vendorId: 0x056a, productId: 0, subclass: 1, protocol: 2, packetSize: 8 },
    features: { 2: Uint8Array.of(2, 2) },
    ...options,
  });

async function run(hid: PlayedHid) {
  const running = await runDriver(driver, { usb: hid.usb });
  const told: string[] = [];
  const [unit] = running.units;
  unit!.on("keys", ({ pressed }) => told.push(`keys ${pressed.filter((code) => code).join(" ")}`));
  unit!.on("pointer", ({ x, y, pressure, near }) => told.push(`pointer ${x} ${y} ${pressure} ${near}`));
  return { running, told };
}

const [RUBBER, TOUCH, STYLUS] = [0x141, 0x14a, 0x14b];
/** -127: the pen does not press. */
const FREE = "81";

test("it is put into Wacom's own mode before it is heard, is asked for it, and both again after a rest", async () => {
  const hid = played();
  const { running } = await run(hid);
  const { absoluteMaxX, absoluteMaxY, resolutionX, resolutionY } = running.units[0]!.properties;
  assert.deepEqual([absoluteMaxX / resolutionX, absoluteMaxY / resolutionY], [126, 94.5]); // millimetres
  const switched = ["21 09 0302 0000: 0202", "a1 01 0302 0000"];
  assert.deepEqual(hid.transport.heard.slice(-2), switched);
  await running.suspend();
  await running.resume();
  assert.deepEqual(hid.transport.heard.slice(-2), switched);
  await running.remove();
});

test("a pen that comes, presses, uses its side button and is lifted; a report that says nothing new is not told", async () => {
  const hid = played();
  const { running, told } = await run(hid);
  const free = bytes(`02 d8 09 19 02 00 ${FREE}`);
  await hid.send(free, free);
  assert.deepEqual(told.splice(0), ["pointer 2520 537 0 1", "keys "]);
  await hid.send(bytes("02 d8 09 19 02 00 00"), bytes(`02 d8 09 19 02 40 ${FREE}`));
  assert.deepEqual(told.splice(0), [
    ...["pointer 2520 537 127 1", `keys ${TOUCH}`],
    ...["keys ", "pointer 2520 537 0 1", `keys ${STYLUS}`],
  ]);
  await hid.send(bytes("02 ff ff ff ff 00 7f"));
  assert.deepEqual(told, ["keys ", "pointer 5040 3780 254 1", `keys ${TOUCH}`]);
  await running.remove();
});

test("the other report says that the pen is near, turned over, and away; it stays where it was", async () => {
  const hid = played();
  const { running, told } = await run(hid);
  await hid.send(bytes("01 01 00 02 00 80 82"));
  assert.deepEqual(told.splice(0), ["pointer 1 2 1 1", `keys ${TOUCH}`]);
  await hid.send(bytes("01 01 00 02 00 a0 00"));
  assert.deepEqual(told.splice(0), ["pointer 1 2 127 0", `keys ${RUBBER} ${TOUCH}`]);
  await hid.send(bytes("01 09 09 09 09 00 00"));
  assert.deepEqual(told.splice(0), ["keys ", "pointer 1 2 0 0"]);
  await hid.send(bytes("02 01 00 02 00 20 00"));
  assert.deepEqual(told, ["pointer 1 2 127 1"]); // turned over, it does not touch
  await running.remove();
});

test("what is too short, or another report, is not told", async () => {
  const hid = played();
  const { running, told } = await run(hid);
  await hid.send(bytes("01 05 fb 00"), bytes("63 01 00 02 00 80 00 00"));
  assert.deepEqual(told, []);
  await running.remove();
});

test("a tablet that does not say its mode starts; one that refuses it is declined", async () => {
  const { running } = await run(played({ features: {} }));
  assert.match(running.log.at(-1)!.message, /^goes on without: feature report 2/);
  await running.remove();
  await assert.rejects(run(played({ report: () => "stall" })), { message: /Wacom's own mode/ });
});

test("a tablet that refuses it behind a rest is no tablet any more: its driver ends, and says so", async () => {
  let answer: "ok" | "stall" = "ok";
  const { running } = await run(played({ report: () => answer }));
  await running.suspend();
  answer = "stall";
  await assert.rejects(running.resume(), {
    kind: "protocol",
    message: /does not go back into Wacom's own mode/,
  });
  await running.remove();
});
