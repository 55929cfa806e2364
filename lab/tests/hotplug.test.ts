// Runs in: lab guest, root. The kernel's announcements of QEMU's own USB devices, plugged in and pulled out.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, test } from "node:test";
import { type Uevent, watchUevents } from "@ring3/kernel/uevent/uevent";
import { qmp } from "../guest/monitor.ts";
import { scaled } from "../timing.ts";

const heard: Uevent[] = [];
let listener = (): void => {};
const watched = watchUevents(
  (event) => {
    heard.push(event);
    listener();
  },
  () => assert.fail("announcements were lost"),
);
after(() => watched.close());

/** The first announcement of that kind that has not been taken yet. */
async function announced(action: string, devtype: string): Promise<Uevent> {
  const found = () =>
    heard.findIndex((event) => event.action === action && event.properties.get("DEVTYPE") === devtype);
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`no ${action} of a ${devtype} announced`)), scaled(1000));
    listener = () => {
      if (found() < 0) return;
      clearTimeout(limit);
      resolve();
    };
    listener();
  });
  return heard.splice(found(), 1)[0]!;
}

test("a device plugged in, then pulled out: added with its node, bound to no driver, removed", async () => {
  await qmp("device_add", {
    driver: "usb-storage",
    id: "stick",
    bus: "xhci.0",
    port: "2",
    drive: "disk0",
    serial: "RING3LAB1",
  });
  const device = await announced("add", "usb_device");
  const unit = await announced("add", "usb_interface");
  assert.equal(device.properties.get("PRODUCT"), "46f4/1/0"); // QEMU's vendor and product, hw/usb/dev-storage.c
  assert.equal(unit.properties.get("INTERFACE"), "8/6/80"); // mass storage, SCSI, bulk-only
  const node = `/dev/${device.properties.get("DEVNAME")}`;
  assert.ok(existsSync(node));

  await qmp("device_del", { id: "stick" });
  const removed = await announced("remove", "usb_device");
  assert.equal(removed.devpath, device.devpath);
  assert.equal(existsSync(node), false);
});

test("QEMU refuses a request: its own words are the error", async () => {
  await assert.rejects(
    qmp("device_add", { driver: "no-such-device" }),
    /'no-such-device' is not a valid device model name/,
  );
});
