import assert from "node:assert/strict";
import { test } from "node:test";
import { pipe } from "../fd/descriptor.ts";
import { sysfs } from "../usbfs/sysfs.fixture.ts";
import {
  HIDIOCGRAWINFO,
  HIDIOCGRAWNAME,
  HIDIOCGRAWPHYS,
  HIDIOCGRAWUNIQ,
  HIDIOCGRDESC,
  HIDIOCGRDESCSIZE,
  TEXT_BYTES,
} from "./constants.ts";
import { type HidDeviceInfo, readHidDevice } from "./enumerate.ts";
import { describe, type HidrawNode, openHidrawGrant } from "./grant.ts";
import { hidDevice } from "./sysfs.fixture.ts";

const reportDescriptor = Uint8Array.of(0x05, 0x01, 0x09, 0x05, 0xa1, 0x01, 0xc0);
const info: HidDeviceInfo = {
  kernelName: "0005:F00D:0CE6.0004",
  bustype: 5,
  vendor: 0xf00d,
  product: 0x0ce6,
  version: 0x110,
  name: "Pad",
  phys: "aa:bb",
  uniq: undefined,
  reportDescriptor,
  driver: "hid-generic",
  node: "/dev/hidraw3",
  inputs: [],
  isOnUsb: false,
};

/** linux/hidraw.h on a little-endian machine; `changed` stands for what is asked by that request. */
function node(
  changed: Readonly<Record<number, Uint8Array | number>> = {},
): HidrawNode & { closed(): boolean } {
  const { read: descriptor, write } = pipe();
  write.close();
  const text = (value: string) => Buffer.from(`${value}\0`);
  const answers: Record<number, Uint8Array | number> = {
    [HIDIOCGRAWINFO]: Uint8Array.of(5, 0, 0, 0, 0x0d, 0xf0, 0xe6, 0x0c),
    [HIDIOCGRAWNAME(TEXT_BYTES)]: text("Pad"),
    [HIDIOCGRAWPHYS(TEXT_BYTES)]: text("aa:bb"),
    [HIDIOCGRAWUNIQ(TEXT_BYTES)]: text(""),
    [HIDIOCGRDESCSIZE]: Uint8Array.of(reportDescriptor.length, 0, 0, 0),
    [HIDIOCGRDESC]: Uint8Array.of(reportDescriptor.length, 0, 0, 0, ...reportDescriptor),
    ...changed,
  };
  return {
    descriptor,
    closed: () => descriptor.fd < 0,
    ioctl(request, argument) {
      const answer = answers[request]!;
      if (typeof answer === "number") return answer;
      (argument as Uint8Array).set(answer);
      return answer.length;
    },
  };
}

test("a node says what its device is; an id is no negative number, and no text is none", () => {
  const {
    kernelName: _,
    version: __,
    driver: ___,
    node: ____,
    inputs: _____,
    isOnUsb: ______,
    ...said
  } = info;
  assert.deepEqual(describe(node(), "it"), said);
});

test("a device whose words are no text is known by what can be read of them, as sysfs was read", (context) => {
  const root = sysfs(
    context,
    hidDevice({ kernelName: info.kernelName, phys: "aa:bb", uniq: " s\u0007n  ", hidraw: 3 }),
  );
  const found = readHidDevice(root, info.kernelName) as HidDeviceInfo;
  const said = {
    [HIDIOCGRAWUNIQ(TEXT_BYTES)]: Buffer.from(" s\u0007n  \0"),
    [HIDIOCGRDESCSIZE]: Uint8Array.of(found.reportDescriptor.length, 0, 0, 0),
    [HIDIOCGRDESC]: Uint8Array.of(found.reportDescriptor.length, 0, 0, 0, ...found.reportDescriptor),
  };
  openHidrawGrant(found, () => node(said)).close();
});

test("a node of the same device is opened", () => {
  const opened = node();
  const paths: string[] = [];
  const open = (path: string) => {
    paths.push(path);
    return opened;
  };
  assert.equal(openHidrawGrant(info, open), opened.descriptor);
  assert.deepEqual([paths, opened.closed()], [["/dev/hidraw3"], false]);
  opened.descriptor.close();
});

for (const [what, changed] of [
  ["another product's", { [HIDIOCGRAWINFO]: Uint8Array.of(5, 0, 0, 0, 0x0d, 0xf0, 1, 0) }],
  ["another bus's", { [HIDIOCGRAWINFO]: Uint8Array.of(3, 0, 0, 0, 0x0d, 0xf0, 0xe6, 0x0c) }],
  ["another's of its kind", { [HIDIOCGRAWUNIQ(TEXT_BYTES)]: Buffer.from("cc:dd\0") }],
  ["of one that is connected elsewhere", { [HIDIOCGRAWPHYS(TEXT_BYTES)]: Buffer.from("ee:ff\0") }],
  [
    "of another descriptor",
    { [HIDIOCGRDESC]: Uint8Array.of(7, 0, 0, 0, 0x05, 0x01, 0x09, 0x04, 0xa1, 0x01, 0xc0) },
  ],
] as const)
  test(`a node that is ${what} by now is closed again`, () => {
    const opened = node(changed);
    assert.throws(() => openHidrawGrant(info, () => opened), {
      kind: "disconnected",
      message: /another device/,
    });
    assert.ok(opened.closed());
  });

test("a node that does not answer is closed again, and the answer told", () => {
  const opened = node({ [HIDIOCGRDESCSIZE]: -19 });
  assert.throws(() => openHidrawGrant(info, () => opened), { kind: "disconnected", errno: 19 });
  assert.ok(opened.closed());
});

test("a device of which the kernel has no node says so", () => {
  const without = { ...info, node: undefined };
  assert.throws(() => openHidrawGrant(without), { kind: "unsupported", message: /no hidraw node/ });
});

test("a device between two drivers of the kernel's, whose node comes with the next, is busy", () => {
  const between = { ...info, driver: undefined, node: undefined };
  assert.throws(() => openHidrawGrant(between), { kind: "busy", message: /driver is being changed/ });
});
