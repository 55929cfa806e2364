import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import { readUsbDevice, readUsbDevices } from "./enumerate.ts";
import { stick, sysfs } from "./sysfs.fixture.ts";

test("a stick behind a hub is read with its strings, speed, interfaces and bound driver", (context) => {
  const [device, ...others] = readUsbDevices(sysfs(context, stick()));
  assert.deepEqual(others, []);
  assert.equal(device?.descriptors.device.vendorId, 0x46f4);
  const { descriptors: _, ...rest } = device!;
  assert.deepEqual(rest, {
    port: "1-4.2",
    busNumber: 1,
    deviceNumber: 7,
    speed: "high",
    configurationValue: 1,
    strings: { manufacturer: "QEMU", product: "QEMU USB HARDDRIVE", serial: "1-0000:00:04.0-4" },
    interfaces: [{ number: 0, id: "usb-1-4.2:1.0", driver: "usb-storage" }],
  });
});

test("a machine without USB has no devices", (context) => {
  assert.deepEqual(readUsbDevices(sysfs(context)), []);
});

test("an interface without a driver says so, and a device without strings too", (context) => {
  const bare = Object.entries(stick()).filter(([path]) => !/driver$|manufacturer|product|serial/.test(path));
  const [device] = readUsbDevices(sysfs(context, Object.fromEntries(bare)));
  assert.equal(device?.interfaces[0]?.driver, undefined);
  assert.deepEqual(device?.strings, { manufacturer: undefined, product: undefined, serial: undefined });
});

test("an unconfigured device has no interfaces", (context) => {
  const [device] = readUsbDevices(sysfs(context, stick({ "DEVICE/bConfigurationValue": "\n" })));
  assert.equal(device?.configurationValue, 0);
  assert.deepEqual(device?.interfaces, []);
});

test("control characters in a device's strings are stripped", (context) => {
  const [device] = readUsbDevices(sysfs(context, stick({ "DEVICE/product": "\u001b[31mred\u0007\n" })));
  assert.equal(device?.strings.product, "[31mred");
});

test("a device with garbage descriptors is refused by name and offset, and the others stay", (context) => {
  const refusals: string[] = [];
  const root = sysfs(context, stick({ "DEVICE/descriptors": Uint8Array.of(18, 1, 0) }));
  assert.deepEqual(
    readUsbDevices(root, (port, error) => refusals.push(`${port}: ${error.message}`)),
    [],
  );
  assert.match(
    refusals.join("\n"),
    /^1-4\.2: read USB device 1-4\.2 from sysfs \(USB descriptors, offset 0: device descriptor: expected 18 bytes, found 3/,
  );
});

test("a speed that is not known is refused", (context) => {
  const device = readUsbDevice(sysfs(context, stick({ "DEVICE/speed": "unknown\n" })), "1-4.2");
  assert(device instanceof DeviceError);
  assert.match(device.message, /speed unknown/);
});

test("a device that was unplugged is disconnected", (context) => {
  const gone = Object.entries(stick()).filter(([path]) => !path.endsWith("1-4.2/descriptors"));
  const device = readUsbDevice(sysfs(context, Object.fromEntries(gone)), "1-4.2");
  assert(device instanceof DeviceError);
  assert.equal(device.kind, "disconnected");
});

test("a port that leads elsewhere is refused", (context) => {
  const device = readUsbDevice(sysfs(context, stick()), "../../../etc");
  assert(device instanceof DeviceError);
  assert.equal(device.kind, "invalid");
});
