import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { sysfs } from "../usbfs/sysfs.fixture.ts";
import { readHidDevices } from "./enumerate.ts";
import { folderOf, type HidSpec, hidDevice } from "./sysfs.fixture.ts";

const pad: HidSpec = {
  kernelName: "0005:054C:0CE6.0004",
  name: "Wireless Controller",
  phys: "00:00:5e:00:53:01",
  uniq: "00:00:5e:00:53:31",
  driver: "playstation",
  hidraw: 3,
  inputs: [12, 13],
};
const ADAPTER = "pci0000:00/0000:00:14.0/usb1/1-5/1-5:1.0";

const read = (context: TestContext, ...specs: readonly HidSpec[]) => {
  const root = sysfs(context, ...specs.map(hidDevice), { [`devices/${ADAPTER}/bInterfaceNumber`]: "00\n" });
  return { root: realpathSync(root), devices: readHidDevices(root) };
};

test("a Bluetooth controller is read with its texts, driver, node and input devices", (context) => {
  const { root, devices } = read(context, pad);
  const [{ reportDescriptor, ...rest }, ...others] = devices as [(typeof devices)[0]];
  assert.deepEqual(others, []);
  assert.equal(reportDescriptor.length, 7);
  assert.deepEqual(rest, {
    kernelName: "0005:054C:0CE6.0004",
    bustype: 5,
    vendor: 0x054c,
    product: 0x0ce6,
    version: 0x0110,
    name: "Wireless Controller",
    phys: "00:00:5e:00:53:01",
    uniq: "00:00:5e:00:53:31",
    driver: "playstation",
    node: "/dev/hidraw3",
    inputs: [12, 13].map((number) => join(root, folderOf(pad), `input/input${number}`)),
    isOnUsb: false,
  });
});

test("a device that no driver has yet has no node, no input device and no texts", (context) => {
  const [bare] = read(context, { kernelName: "0018:04F3:3195.0001" }).devices;
  assert.deepEqual(
    [bare!.driver, bare!.node, bare!.inputs, bare!.phys, bare!.uniq, bare!.version],
    [undefined, undefined, [], undefined, undefined, 0],
  );
});

test("what is on USB is a part of its interface; what is on Bluetooth, behind an adapter on USB, is not", (context) => {
  const { devices } = read(
    context,
    { kernelName: "0003:046D:C52B.0001", below: ADAPTER },
    { kernelName: "0003:046D:4024.0002", below: `${ADAPTER}/0003:046D:C52B.0001` },
    { kernelName: "0005:054C:0CE6.0003", below: `${ADAPTER}/bluetooth/hci0/hci0:256` },
    { kernelName: "0003:1209:0001.0004" },
  );
  assert.deepEqual(
    devices.map(({ isOnUsb }) => isOnUsb),
    [true, true, false, false],
  );
});

test("devices come as the kernel has counted them, and what is none is left out", (context) => {
  const names = ["0005:0001:0001.0010", "0005:0001:0001.000F", "0003:0001:0001.0100"];
  const root = sysfs(context, ...names.map((kernelName) => hidDevice({ kernelName })), {
    "bus/hid/devices/nonsense": "",
  });
  assert.deepEqual(
    readHidDevices(root).map(({ kernelName }) => kernelName),
    ["0005:0001:0001.000F", "0005:0001:0001.0010", "0003:0001:0001.0100"],
  );
});

test("one that the kernel does not describe as it should is told of, and the others are read", (context) => {
  const broken = { "devices/virtual/misc/uhid/0005:0001:0001.0001/uevent": "HID_ID=nonsense\n" };
  const root = sysfs(
    context,
    { "bus/hid/devices/0005:0001:0001.0001": "->../../../devices/virtual/misc/uhid/0005:0001:0001.0001" },
    broken,
    hidDevice({ kernelName: "0005:0001:0001.0002" }),
  );
  const refused: string[] = [];
  const devices = readHidDevices(root, (name, { message }) => refused.push(`${name}: ${message}`));
  assert.equal(devices.length, 1);
  assert.match(refused.join(), /^0005:0001:0001\.0001: .*HID_ID nonsense/);
});

test("a machine without HID has no devices", (context) => {
  assert.deepEqual(readHidDevices(sysfs(context)), []);
});
