// Runs in: node --test. Needs no device, no manager and no privilege.
import assert from "node:assert/strict";
import { test } from "node:test";
import { usbDescriptors, usbInterface } from "@ring3/sdk/test/descriptors";
import { runDriver } from "@ring3/sdk/test/run-driver";
import { type Answer, controlIn, type Step, scriptedUsb } from "@ring3/sdk/test/scripted-usb";
import driver from "./driver.ts";
import { decodeInfo, infoSetup, sectorSetup } from "./rom.ts";

const descriptors = usbDescriptors([usbInterface({ class: 0xff, subclass: 0, protocol: 0 }, [])]);
const INFO = Uint8Array.from([..."ROM1"].map((letter) => letter.charCodeAt(0)).concat([9, 0, 0, 0]));
const SECTOR = new Uint8Array(512).fill(7);
const sector = (number: number, answer: Answer): Step => controlIn(sectorSetup(number), 512, answer);

async function probed(...steps: Step[]) {
  const usb = scriptedUsb(controlIn(infoSetup, 8, INFO), ...steps);
  const running = await runDriver(driver, { usb: { transport: usb, descriptors } });
  return { usb, running, unit: running.units[0]! };
}

test("an info of nine sectors is a disk of nine sectors", async () => {
  const { usb, running, unit } = await probed();
  assert.equal(unit.properties.sectors, 9);
  await running.remove();
  usb.done();
});

test("two sectors are two requests; a sector that is stalled is asked for again", async () => {
  const { usb, running, unit } = await probed(sector(3, SECTOR), sector(4, "stall"), sector(4, SECTOR));
  const { data } = await unit.request("read", { lba: 3, count: 2, medium: 1 }, { length: 1024 });
  assert.ok(data.length === 1024 && data.every((byte) => byte === 7));
  await running.remove();
  usb.done();
});

test("a sector that never comes ends with the request's deadline", async () => {
  const { running, unit } = await probed(sector(0, "hang"));
  const read = unit.request("read", { lba: 0, count: 1, medium: 1 }, { length: 512, deadlineMs: 20 });
  await assert.rejects(read, { kind: "timeout" });
  await running.remove();
});

test("an info without the signature is no ROM", () => {
  assert.throws(() => decodeInfo(new Uint8Array(8)), { kind: "protocol" });
});
