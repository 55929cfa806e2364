import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import { duplicate } from "../fd/descriptor.ts";
import { qemuUas, qemuUsbStorage } from "../usb/descriptors.fixture.ts";
import type { UsbDeviceInfo } from "../usb/device-info.ts";
import {
  GETDRIVER_BYTES,
  USBDEVFS_CLAIMINTERFACE,
  USBDEVFS_DISCONNECT_CLAIM,
  USBDEVFS_DROP_PRIVILEGES,
  USBDEVFS_GETDRIVER,
  USBDEVFS_IOCTL,
  USBDEVFS_RELEASEINTERFACE,
} from "./constants.ts";
import { readUsbDevices } from "./enumerate.ts";
import { giveBack, openGrant, type UsbfsNode, usbfsNodePath } from "./grant.ts";
import { stick, sysfs } from "./sysfs.fixture.ts";

const [EBUSY, ENODATA, ENOTTY] = [16, 61, 25];
const names = new Map([
  [USBDEVFS_CLAIMINTERFACE, "claim"],
  [USBDEVFS_DISCONNECT_CLAIM, "disconnect and claim"],
  [USBDEVFS_DROP_PRIVILEGES, "drop privileges"],
  [USBDEVFS_IOCTL, "connect"],
  [USBDEVFS_RELEASEINTERFACE, "release"],
]);

/** The interfaces of one device as the kernel binds them (devio.c): who has each, and what was done, in order. */
class Kernel {
  readonly drivers = new Map<number, string>();
  readonly done: string[] = [];
  readonly failures = new Map<number, number>();
  /** What CONNECT binds. */
  matching: string | undefined = "usb-storage";
  descriptors = qemuUsbStorage;
  opened: UsbfsNode | undefined;

  readonly open = (path: string): UsbfsNode => {
    assert.equal(path, "/dev/bus/usb/001/007");
    const node = {
      descriptor: duplicate(0),
      read: (into: Uint8Array) => {
        into.set(this.descriptors.subarray(0, into.length));
        return into.length;
      },
      ioctl: (request: number, argument: Uint8Array | number) => this.#ioctl(request, argument as Uint8Array),
    };
    this.opened = node;
    return node;
  };

  #ioctl(request: number, argument: Uint8Array): number {
    const first = new DataView(argument.buffer).getUint32(0, true);
    const driver = this.drivers.get(first);
    if (request === USBDEVFS_GETDRIVER) {
      if (driver === undefined) return -ENODATA;
      assert.equal(argument.length, GETDRIVER_BYTES);
      argument.set(new TextEncoder().encode(`${driver}\0`), 4);
      return 0;
    }
    this.done.push(`${names.get(request)} ${first}`);
    const failure = this.failures.get(request);
    if (failure !== undefined) return failure;
    if (request === USBDEVFS_CLAIMINTERFACE && driver !== undefined) return -EBUSY;
    if (request === USBDEVFS_DISCONNECT_CLAIM) {
      assert.equal(new TextDecoder().decode(argument.subarray(8, 14)), "usbfs\0");
      if (driver === "usbfs") return -EBUSY;
    }
    if (request === USBDEVFS_CLAIMINTERFACE || request === USBDEVFS_DISCONNECT_CLAIM)
      this.drivers.set(first, "usbfs");
    if (request === USBDEVFS_RELEASEINTERFACE) this.drivers.delete(first);
    if (request === USBDEVFS_IOCTL) {
      if (driver !== undefined) return -EBUSY;
      if (this.matching !== undefined) this.drivers.set(first, this.matching);
    }
    return 0;
  }
}

function info(context: TestContext): UsbDeviceInfo {
  return readUsbDevices(sysfs(context, stick()))[0]!;
}

const refusal = (kind: string, message: RegExp) => (error: unknown) =>
  error instanceof DeviceError && error.kind === kind && message.test(error.message);

test("bus and device number make the node's path", (context) => {
  assert.equal(usbfsNodePath(info(context)), "/dev/bus/usb/001/007");
});

test("a free interface is claimed and the grant narrowed to it", (context) => {
  const kernel = new Kernel();
  using descriptor = openGrant(info(context), [0], { detach: false }, kernel.open);
  assert.deepEqual(kernel.done, ["claim 0", "drop privileges 1"]);
  assert(descriptor.fd >= 0);
});

test("two interfaces make a mask of two bits", (context) => {
  const kernel = new Kernel();
  using _descriptor = openGrant(info(context), [1, 4], { detach: false }, kernel.open);
  assert.deepEqual(kernel.done, ["claim 1", "claim 4", "drop privileges 18"]);
});

test("a kernel driver's interface is refused unless it is to be taken", (context) => {
  const kernel = new Kernel();
  kernel.drivers.set(0, "usb-storage");
  assert.throws(
    () => openGrant(info(context), [0], { detach: false }, kernel.open),
    refusal("busy", /kernel driver usb-storage holds it; take it with: ring3 start usb-1-4\.2:1\.0 --take/),
  );
  assert.deepEqual(kernel.done, ["claim 0"]);
  assert.equal(kernel.opened?.descriptor.fd, -1);
});

test("a kernel driver's interface is taken in one step", (context) => {
  const kernel = new Kernel();
  kernel.drivers.set(0, "usb-storage");
  using _descriptor = openGrant(info(context), [0], { detach: true }, kernel.open);
  assert.deepEqual(kernel.done, ["disconnect and claim 0", "drop privileges 1"]);
});

test("another program's interface is never taken", (context) => {
  const kernel = new Kernel();
  kernel.drivers.set(0, "usbfs");
  assert.throws(
    () => openGrant(info(context), [0], { detach: true }, kernel.open),
    refusal("busy", /another program has claimed it through usbfs/),
  );
});

test("a kernel that cannot narrow the grant gives none, and its driver gets the interface back", (context) => {
  const kernel = new Kernel();
  kernel.drivers.set(0, "usb-storage");
  kernel.failures.set(USBDEVFS_DROP_PRIVILEGES, -ENOTTY);
  assert.throws(
    () => openGrant(info(context), [0], { detach: true }, kernel.open),
    refusal("io", /narrow the grant/),
  );
  assert.deepEqual(kernel.done.slice(2), ["release 0", "connect 0"]);
  assert.equal(kernel.drivers.get(0), "usb-storage");
  assert.equal(kernel.opened?.descriptor.fd, -1);
});

test("another device in the same place is not touched", (context) => {
  const kernel = new Kernel();
  kernel.descriptors = qemuUas;
  assert.throws(
    () => openGrant(info(context), [0], { detach: true }, kernel.open),
    refusal("disconnected", /another device has its place/),
  );
  assert.deepEqual(kernel.done, []);
});

test("an interface number beyond the mask is refused", (context) => {
  assert.throws(
    () => openGrant(info(context), [32], { detach: true }, new Kernel().open),
    refusal("out-of-range", /0 to 31/),
  );
});

test("giving back lets the kernel's driver bind again and names it", (context) => {
  const kernel = new Kernel();
  assert.equal(giveBack(info(context), 0, kernel.open), "usb-storage");
  assert.equal(kernel.opened?.descriptor.fd, -1);
});

test("giving back what no kernel driver wants leaves it free", (context) => {
  const kernel = new Kernel();
  kernel.matching = undefined;
  assert.equal(giveBack(info(context), 0, kernel.open), undefined);
});

test("giving back what a kernel driver already has is done", (context) => {
  const kernel = new Kernel();
  kernel.drivers.set(0, "uas");
  assert.equal(giveBack(info(context), 0, kernel.open), "uas");
});

test("giving back while a grant is still open is refused", (context) => {
  const kernel = new Kernel();
  kernel.drivers.set(0, "usbfs");
  assert.throws(() => giveBack(info(context), 0, kernel.open), refusal("busy", /still open/));
});
