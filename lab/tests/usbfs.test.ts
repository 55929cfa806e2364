// Runs in: lab guest, root. The usbfs surface on a device and a kernel that nobody here wrote: QEMU's usb-storage, first without
// a kernel driver, then with it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import type { DeviceError } from "@ring3/core/errors";
import type { UsbDeviceInfo } from "@ring3/kernel/usb/device-info";
import { readUsbDevices } from "@ring3/kernel/usbfs/enumerate";
import { giveBack, openGrant } from "@ring3/kernel/usbfs/grant";
import { holdersOf } from "@ring3/kernel/usbfs/in-use";
import { usbfsTransport } from "@ring3/kernel/usbfs/transport";
import { plug, unplug } from "../guest/monitor.ts";
import { type Announcements, listen } from "../guest/uevents.ts";

const BULK_IN = 0x81;
const BULK_OUT = 0x02;
const KEYS_IN = 0x81; // the keyboard's only endpoint besides 0
const SECTOR = 512;
/** CBW, USB Mass Storage Bulk-Only 1.0 §5.1: signature, tag 1, 36 bytes in; INQUIRY (SPC-4 §6.4) of 36 bytes. */
const INQUIRY = Buffer.from(`5553424301000000240000008000061200000024${"00".repeat(11)}`, "hex");

let announced: Announcements;
before(async () => {
  run("modprobe", "-ra", "uas", "usb-storage"); // another file's test may have wanted them
  announced = listen();
  await plug({
    driver: "usb-storage",
    id: "stick",
    bus: "xhci.0",
    port: "3",
    drive: "disk7",
    serial: "LAB-1",
  });
  await announced.next("add", "usb_interface");
});
after(async () => {
  await unplug("stick");
  announced[Symbol.dispose]();
});

function stick(): UsbDeviceInfo {
  const refused = (port: string, error: DeviceError) => assert.fail(`${port}: ${error.message}`);
  const found = readUsbDevices("/sys", refused).find(({ strings }) => strings.serial === "LAB-1");
  assert.ok(found);
  return found;
}

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout;
}

/** Loads the kernel's driver and waits for its disk. */
async function kernelTakesIt(): Promise<string> {
  run("modprobe", "usb-storage");
  run("modprobe", "sd_mod");
  const { properties } = await announced.next("add", "disk");
  return `/dev/${properties.get("DEVNAME")}`;
}

async function inquiry(info: UsbDeviceInfo, detach: boolean): Promise<string> {
  const device = usbfsTransport(openGrant(info, [0], { detach }), [0]);
  try {
    assert.deepEqual(await device.transfer("bulk", BULK_OUT, INQUIRY), { status: "ok", bytes: 31, errno: 0 });
    const data = new Uint8Array(36);
    assert.deepEqual(await device.transfer("bulk", BULK_IN, data), { status: "ok", bytes: 36, errno: 0 });
    const csw = new Uint8Array(13);
    assert.deepEqual(await device.transfer("bulk", BULK_IN, csw), { status: "ok", bytes: 13, errno: 0 });
    assert.equal(Buffer.from(csw).toString("hex"), "55534253010000000000000000");
    return Buffer.from(data.subarray(8, 32)).toString().trimEnd();
  } finally {
    await device.close();
  }
}

test("the device is enumerated with its port, strings, descriptors and free interface", () => {
  const { port, speed, strings, descriptors, interfaces } = stick();
  assert.match(port, /^\d+-3$/);
  assert.equal(speed, "super");
  assert.deepEqual(strings, { manufacturer: "QEMU", product: "QEMU USB HARDDRIVE", serial: "LAB-1" });
  assert.equal(descriptors.device.vendorId, 0x46f4);
  assert.deepEqual(interfaces, [{ number: 0, id: `usb-${port}:1.0`, driver: undefined }]);
});

test("a free device, claimed through usbfs: INQUIRY is answered", async () => {
  assert.equal(await inquiry(stick(), false), "QEMU    QEMU HARDDISK");
});

test("a device that the kernel drives: refused without detach, naming the driver, and mounted disks are told", async () => {
  const node = await kernelTakesIt();
  const info = stick();
  assert.equal(info.interfaces[0]!.driver, "usb-storage");
  assert.throws(
    () => openGrant(info, [0], { detach: false }),
    (error: DeviceError) => error.kind === "busy" && /usb-storage/.test(error.message),
  );
  assert.deepEqual(holdersOf("/sys", info.interfaces[0]!.id), []);
  run("mkfs.ext4", "-q", node);
  run("mkdir", "/run/stick");
  run("mount", node, "/run/stick");
  assert.deepEqual(holdersOf("/sys", info.interfaces[0]!.id), [
    { node, how: "mounted", where: "/run/stick" },
  ]);
  run("umount", "/run/stick");
});

test("a device taken from the kernel's driver is driven, given back, and its disk comes again", async () => {
  const info = stick();
  assert.equal(await inquiry(info, true), "QEMU    QEMU HARDDISK");
  assert.equal(giveBack(info, 0), "usb-storage");
  const { properties } = await announced.next("add", "disk");
  const head = run("head", "-c", String(4 * SECTOR), `/dev/${properties.get("DEVNAME")}`);
  assert.equal(head.length > 0, true);
  assert.equal(stick().interfaces[0]!.driver, "usb-storage");
});

test("unplugged while a transfer waits: the transfer ends as gone, and so does the device", async () => {
  await plug({ driver: "usb-kbd", id: "keyboard", bus: "xhci.0", port: "4" });
  await announced.next("add", "usb_interface");
  const info = readUsbDevices().find(({ strings }) => strings.product === "QEMU USB Keyboard");
  assert.ok(info);
  const device = usbfsTransport(openGrant(info, [0], { detach: false }), [0]);
  const waiting = device.transfer("interrupt", KEYS_IN, new Uint8Array(8)); // no key is pressed: it waits
  await unplug("keyboard");
  assert.equal((await waiting).status, "gone");
  await device.gone;
  await device.close();
});
