// Runs in: lab guest, root. The usbfs surface beyond a first command: stalls, reset, large and cancelled transfers, on QEMU's own devices.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createShared, mapPeer } from "@ring3/kernel/shm/memory";
import type { UsbTransport } from "@ring3/kernel/usb/transport";
import { readUsbDevices } from "@ring3/kernel/usbfs/enumerate";
import { openGrant } from "@ring3/kernel/usbfs/grant";
import { usbfsTransport } from "@ring3/kernel/usbfs/transport";
import { plug, unplug } from "../guest/monitor.ts";
import { run } from "../guest/program.ts";
import { type Announcements, listen } from "../guest/uevents.ts";

const SERIAL = "TRANSFERS";
const BULK_IN = 0x81;
const BULK_OUT = 0x02;
const KEYS_IN = 0x81; // the keyboard's only endpoint besides 0
const SECTOR = 512;
const CSW_BYTES = 13;
// SBC-3: opcode, address (2-5), sectors (7-8)
const READ_10 = 0x28;
const WRITE_10 = 0x2a;
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const ok = (bytes: number) => ({ status: "ok", bytes, errno: 0 });

let announced: Announcements;
before(async () => {
  await run("modprobe", "-ra", "uas", "usb-storage"); // nobody else may be in the middle of a command
  announced = listen();
  const place = { bus: "xhci.0", port: "7" };
  await plug({ driver: "usb-storage", id: "moving", ...place, drive: "disk6", serial: SERIAL });
  await announced.next("add", "usb_interface");
});
after(async () => {
  await unplug("moving");
  announced?.[Symbol.dispose]();
});

function found(text: string) {
  const device = readUsbDevices().find(({ strings }) => strings.serial === text || strings.product === text);
  assert.ok(device);
  return device;
}

function opened(text: string): UsbTransport {
  return usbfsTransport(openGrant(found(text), [0], { detach: true }), [0]);
}

const transfer10 = (opcode: number, sectors: number) => [
  opcode,
  ...[0, 0, 0, 0, 0, 0],
  sectors >> 8,
  sectors & 0xff,
  0,
];

/** CBW, USB Mass Storage Bulk-Only 1.0 §5.1. */
function wrapper(tag: number, length: number, isIn: boolean, cdb: number[]): Uint8Array {
  const bytes = new Uint8Array(31);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x43425355, true); // "USBC"
  view.setUint32(4, tag, true);
  view.setUint32(8, length, true);
  bytes.set([isIn ? 0x80 : 0, 0, cdb.length, ...cdb], 12);
  return bytes;
}

/** A whole command; the answer is its status (§5.2). */
async function command(device: UsbTransport, tag: number, cdb: number[], data: Uint8Array, isIn: boolean) {
  const cbw = wrapper(tag, data.length, isIn, cdb);
  assert.deepEqual(await device.transfer("bulk", BULK_OUT, cbw), ok(cbw.length));
  if (data.length > 0)
    assert.deepEqual(await device.transfer("bulk", isIn ? BULK_IN : BULK_OUT, data), ok(data.length));
  const csw = new Uint8Array(CSW_BYTES);
  assert.deepEqual(await device.transfer("bulk", BULK_IN, csw), ok(CSW_BYTES));
  assert.equal(new DataView(csw.buffer).getUint32(4, true), tag);
  return csw[12];
}

const ready = (device: UsbTransport, tag: number) =>
  command(device, tag, TEST_UNIT_READY, new Uint8Array(0), false);

test("a stall, cleared, then a reset: the interface is still ours and the device answers", async () => {
  const device = opened(SERIAL);
  await ready(device, 1); // reports the unit attention of the plugging
  const unexpected = await device.transfer("bulk", BULK_IN, new Uint8Array(CSW_BYTES)); // no command has been sent
  assert.equal(unexpected.status, "stall");
  assert.deepEqual(await device.clearHalt(BULK_IN), ok(0));
  assert.deepEqual(await device.reset(), ok(0));
  assert.equal(found(SERIAL).interfaces[0]!.driver, "usbfs");
  await ready(device, 2);
  assert.equal(await ready(device, 3), 0);
  await device.close();
});

test("2 MiB are written and read back in one command each", async () => {
  const device = opened(SERIAL);
  await ready(device, 1);
  const written = Uint8Array.from({ length: 2 << 20 }, (_, index) => (index * 13 + (index >> 9)) & 0xff);
  const sectors = written.length / SECTOR;
  assert.equal(await command(device, 2, transfer10(WRITE_10, sectors), written, false), 0);
  const read = new Uint8Array(written.length);
  assert.equal(await command(device, 3, transfer10(READ_10, sectors), read, true), 0);
  assert.equal(Buffer.compare(written, read), 0);
  await device.close();
});

test("a write out of a client's sealed memory, which is read-only here, and a read into memory that the client sees", async () => {
  const device = opened(SERIAL);
  await ready(device, 1);
  const client = createShared("ring3-client", 1 << 20);
  const clientBytes = new Uint8Array(client.buffer);
  clientBytes.forEach((_, index) => {
    clientBytes[index] = index % 251;
  });
  client.seal();
  const from = new Uint8Array(mapPeer(client.fd.fd, client.size).part(4096, 64 * SECTOR));
  assert.equal(await command(device, 2, transfer10(WRITE_10, 64), from, false), 0);
  const driver = createShared("ring3-driver", 1 << 20);
  driver.seal();
  const seen = new Uint8Array(mapPeer(driver.fd.fd, driver.size).buffer, 8192, 64 * SECTOR);
  const into = new Uint8Array(driver.buffer, 8192, 64 * SECTOR);
  assert.equal(await command(device, 3, transfer10(READ_10, 64), into, true), 0);
  assert.equal(Buffer.compare(seen, clientBytes.subarray(4096, 4096 + 64 * SECTOR)), 0);
  client.fd.close();
  driver.fd.close();
  await device.close();
});

test("more room than the device has to send: a short transfer, and the status after it is untouched", async () => {
  const device = opened(SERIAL);
  const cbw = wrapper(1, SECTOR, true, transfer10(READ_10, 1));
  assert.deepEqual(await device.transfer("bulk", BULK_OUT, cbw), ok(cbw.length));
  assert.deepEqual(await device.transfer("bulk", BULK_IN, new Uint8Array(3 << 20)), ok(SECTOR));
  assert.deepEqual(await device.transfer("bulk", BULK_IN, new Uint8Array(CSW_BYTES)), ok(CSW_BYTES));
  await device.close();
});

test("a transfer that waits is cancelled by its signal, and by a reset", async () => {
  await plug({ driver: "usb-kbd", id: "keys", bus: "xhci.0", port: "8" });
  await announced.next("add", "usb_interface");
  const device = opened("QEMU USB Keyboard");
  const abort = new AbortController();
  const waiting = device.transfer("interrupt", KEYS_IN, new Uint8Array(8), abort.signal); // no key is pressed
  abort.abort();
  assert.equal((await waiting).status, "cancelled");
  const again = device.transfer("interrupt", KEYS_IN, new Uint8Array(8));
  assert.deepEqual(await device.reset(), ok(0));
  assert.equal((await again).status, "cancelled");
  await device.close();
  await unplug("keys");
});
