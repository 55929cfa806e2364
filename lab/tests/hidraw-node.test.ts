// Runs in: lab guest, root. The kernel's hidraw and ours, through a device that uhid.ts makes: enumeration, descriptor, reports both ways, revoking.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hidrawCalls } from "@ring3/kernel/hidraw/calls";
import { type HidDeviceInfo, readHidDevices } from "@ring3/kernel/hidraw/enumerate";
import { openHidrawGrant, revokerOf } from "@ring3/kernel/hidraw/grant";
import { isInhibited, setInhibited } from "@ring3/kernel/hidraw/inhibit";
import { askedFor, prefixed, received } from "@ring3/kernel/hidraw/reports";
import { type HidrawTransport, hidrawTransport } from "@ring3/kernel/hidraw/transport";
import { inputDevices } from "../guest/event-node.ts";
import { HidDevice } from "../guest/hid-device.ts";
import { until } from "../guest/patience.ts";
import { run } from "../guest/program.ts";

let pad: HidDevice;
let keyboard: HidDevice;

before(async () => {
  await run("modprobe", "-a", "uhid", "hid-generic", "evdev");
  pad = await HidDevice.plug("gamepad", "00:00:5e:00:53:21");
  keyboard = await HidDevice.plug("keyboard", "00:00:5e:00:53:22");
});
after(async () => {
  await pad?.[Symbol.asyncDispose]();
  await keyboard?.[Symbol.asyncDispose]();
});

const infoOf = ({ uniq }: HidDevice): HidDeviceInfo => readHidDevices().find((each) => each.uniq === uniq)!;

function opened(device: HidDevice): HidrawTransport & { heard: string[] } {
  const transport = hidrawTransport(hidrawCalls(openHidrawGrant(infoOf(device))));
  const heard: string[] = [];
  transport.listen((report) => void heard.push(Buffer.from(report).toString("hex")));
  return { ...transport, heard };
}

const hears = (heard: readonly string[], ...reports: readonly string[]) =>
  until(
    () => heard.join() === reports.join(),
    () => `reports ${reports.join()}; heard ${heard.join()}`,
  );

const isSaid = (device: HidDevice, line: string) =>
  device.talker.hears(line, (each) => each === line || undefined);

test("sysfs tells of a device what the node tells too, and what the kernel makes of it", () => {
  const info = infoOf(pad);
  assert.match(info.kernelName, /^0005:1209:0101\.[0-9A-F]{4}$/);
  assert.deepEqual(
    [info.bustype, info.vendor, info.product, info.version, info.name, info.phys, info.driver],
    [5, 0x1209, 0x0101, 0x0110, "Lab Gamepad", "00:00:5e:00:53:01", "hid-generic"],
  );
  assert.deepEqual([info.node, info.inputs, info.isOnUsb], [pad.node, pad.inputs, false]);
  openHidrawGrant(info).close();
});

test("a node that another device has meanwhile is not opened for the first", () => {
  const other = { ...infoOf(pad), node: keyboard.node };
  const otherDevice = { kind: "disconnected", message: /another device/ } as const;
  assert.throws(() => openHidrawGrant(other), otherDevice);
  assert.throws(() => openHidrawGrant({ ...infoOf(pad), uniq: keyboard.uniq }), otherDevice); // a twin's
});

test("input reports come as the device has sent them, with an id or without", async () => {
  await using _closed = { [Symbol.asyncDispose]: () => Promise.all([a.close(), b.close()]).then(() => {}) };
  const [a, b] = [opened(pad), opened(keyboard)];
  pad.send(1, 10, 20, 30, 40, 0x81);
  pad.send(1, 0, 0, 0, 0, 0);
  keyboard.send(0, 0, 4, 0, 0, 0, 0, 0);
  await hears(a.heard, "010a141e2881", "010000000000");
  await hears(b.heard, "0000040000000000");
});

test("an output report goes out behind its id; where there are none, behind the 0 that stands for it", async () => {
  const [a, b] = [opened(pad), opened(keyboard)];
  assert.deepEqual(a.sendOutput(prefixed(2, Uint8Array.of(7, 9))), { status: "ok", bytes: 3, errno: 0 });
  await isSaid(pad, "output 020709");
  assert.equal(b.sendOutput(prefixed(0, Uint8Array.of(2))).status, "ok");
  await isSaid(keyboard, "output 0002");
  await Promise.all([a.close(), b.close()]);
});

test("a feature report is read and written; one that the device does not have is an error", async () => {
  const transport = opened(pad);
  const asked = askedFor(3, 1);
  const { status, bytes } = transport.receive("feature", asked);
  assert.deepEqual(
    [status, Buffer.from(received(true, asked, bytes, infoOf(pad).bustype)).toString("hex")],
    ["ok", "035a"],
  );
  assert.equal(transport.sendFeature(prefixed(3, Uint8Array.of(0x77))).status, "ok");
  await isSaid(pad, "set feature 3 0377");
  assert.equal(transport.receive("feature", askedFor(9, 1)).status, "error");
  await transport.close();
});

test("who has a descriptor that was revoked has nothing any more, and learns of it; another goes on", async () => {
  const revoked = () => {
    const descriptor = openHidrawGrant(infoOf(pad));
    const revoke = revokerOf(descriptor);
    const transport = hidrawTransport(hidrawCalls(descriptor));
    transport.listen(() => assert.fail("a report came"));
    revoke();
    return transport;
  };
  const [asks, listens, other] = [revoked(), revoked(), opened(pad)];
  assert.equal(asks.sendOutput(prefixed(2, Uint8Array.of(1, 1))).status, "gone");
  await asks.gone;
  pad.send(1, 1, 1, 1, 1, 1); // the kernel wakes nobody before (hidraw_revoke)
  await Promise.all([hears(other.heard, "010101010101"), listens.gone]);
  await other.close();
});

test("an inhibited input device is silent, and the hidraw node is not", async () => {
  const [input] = pad.inputs;
  const transport = opened(pad);
  setInhibited(input!, true);
  assert.equal(isInhibited(input!), true);
  pad.send(1, 2, 2, 2, 2, 2);
  await hears(transport.heard, "010202020202");
  setInhibited(input!, false);
  assert.deepEqual([isInhibited(input!), pad.inhibited], [false, ["0"]]);
  await transport.close();
});

test("an unplugged device's descriptor says that it is gone", async () => {
  const mouse = await HidDevice.plug("mouse", "00:00:5e:00:53:23");
  const transport = opened(mouse);
  await mouse[Symbol.asyncDispose]();
  await transport.gone;
  assert.equal(transport.sendOutput(prefixed(0, Uint8Array.of(1))).status, "gone");
  assert.ok(!inputDevices().some(({ name }) => name === "Lab Mouse"));
});
