// Runs in: lab guest, root. The kernel's announcements of QEMU's own USB devices, plugged in and pulled out.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { plug, qmp, unplug } from "../guest/monitor.ts";
import { listen } from "../guest/uevents.ts";

test("a device plugged in, then pulled out: added with its node, bound to no driver, removed", async () => {
  using announced = listen();
  await plug({ driver: "usb-storage", id: "stick", bus: "xhci.0", port: "2", drive: "disk4" });
  const device = await announced.next("add", "usb_device");
  const unit = await announced.next("add", "usb_interface");
  assert.equal(device.properties.get("PRODUCT"), "46f4/1/0"); // QEMU's vendor and product, hw/usb/dev-storage.c
  assert.equal(unit.properties.get("INTERFACE"), "8/6/80"); // mass storage, SCSI, bulk-only
  const node = `/dev/${device.properties.get("DEVNAME")}`;
  assert.ok(existsSync(node));

  await unplug("stick");
  const removed = await announced.next("remove", "usb_device");
  assert.equal(removed.devpath, device.devpath);
  assert.equal(existsSync(node), false);
});

test("QEMU refuses a request: its own words are the error", async () => {
  await assert.rejects(
    qmp("device_add", { driver: "no-such-device" }),
    /'no-such-device' is not a valid device model name/,
  );
});
