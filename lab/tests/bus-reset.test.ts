// Runs in: lab guest, root. A bus that is reset by somebody else, as the kernel does when the machine wakes: it takes the interface from ring3
// and hands it to its own usb-storage. Under a rest, and under a driver at work.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { after, before, test } from "node:test";
import { native } from "@ring3/kernel/native";
import { openDeviceNode } from "@ring3/kernel/open/open";
import { hostRequests } from "@ring3/kernel/usbfs/constants";
import { readUsbDevices } from "@ring3/kernel/usbfs/enumerate";
import { usbfsNodePath } from "@ring3/kernel/usbfs/grant";
import { eventually, pause, socketOf } from "../../packages/cli/drivers-life.fixture.ts";
import { NbdClient } from "../../packages/cli/nbd-client.ts";
import { kernelDriverOf, madeOf } from "../guest/kernel-disk.ts";
import { plug, unplug } from "../guest/monitor.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, startRing3, succeeds } from "../guest/ring3.ts";
import { listen } from "../guest/uevents.ts";

const SERIAL = "RESET";
const bytes = randomBytes(65_536);

let guest: GuestRing3;
let device: string;
let disk: NbdClient;

before(async () => {
  await run("modprobe", "-a", "usb-storage", "sd_mod");
  using announced = listen();
  const bus = { bus: "xhci.0", port: "4" };
  await plug({ driver: "usb-storage", id: "reset", ...bus, drive: "disk5", serial: SERIAL });
  ({ device } = madeOf(await announced.next("add", "disk")));
  guest = await startRing3({ take: [SERIAL] }); // by now: it takes the device before the kernel has made a disk of it, if it can
  disk = await NbdClient.connect(socketOf(await guest.life.served({ device })));
  await disk.write(0, bytes);
});
after(async () => {
  await disk?.close();
  await guest?.[Symbol.asyncDispose]();
  await unplug("reset");
});

/** As usbreset(8) does. */
function resetBus(): void {
  const refused = (port: string, error: Error) => assert.fail(`${port}: ${error.message}`);
  const info = readUsbDevices("/sys", refused).find(({ strings }) => strings.serial === SERIAL);
  using node = openDeviceNode(usbfsNodePath(info!), constants.O_RDWR);
  assert.equal(native.ioctl(node.fd, hostRequests.USBDEVFS_RESET, 0), 0);
}

test("reset during a rest: the kernel's driver has it, and on resume ring3 has it back, probed afresh, with what waited", async () => {
  const { ring3, life } = guest;
  await succeeds(ring3, "suspend", device);
  const { incarnation } = await ring3.device(device);
  const reading = disk.read(0, bytes.length);
  resetBus();
  await eventually("usb-storage", () => kernelDriverOf(device) === "usb-storage" || undefined);
  await ring3.manager.ask("resume", { device });
  await life.restarted({ device }, incarnation);
  assert.equal(kernelDriverOf(device), "usbfs");
  assert.ok((await reading).equals(bytes));
  assert.match(
    await ring3.log(device),
    /the bus was reset, and the kernel's driver usb-storage has the interface now/,
  );
});

test("reset while a driver of the kernel is not there to take it: opened afresh all the same", async () => {
  const { ring3, life } = guest;
  const { incarnation } = await ring3.device(device);
  await run("modprobe", "-r", "uas", "usb-storage").catch(() => run("modprobe", "-r", "usb-storage"));
  await succeeds(ring3, "suspend", device);
  resetBus();
  assert.equal(kernelDriverOf(device), undefined);
  await ring3.manager.ask("resume", { device });
  await life.restarted({ device }, incarnation);
  assert.ok((await disk.read(0, bytes.length)).equals(bytes));
  await run("modprobe", "usb-storage");
});

test("reset under a driver at work: taken back once the bus has settled, and nobody who uses the disk gets an error", async () => {
  const { ring3, life } = guest;
  const { incarnation } = await ring3.device(device);
  let stopped = false;
  const using = (async () => {
    while (!stopped) assert.ok((await disk.read(0, bytes.length)).equals(bytes));
  })();
  await pause(100);
  resetBus();
  await life.restarted({ device }, incarnation);
  stopped = true;
  await using;
  assert.equal(kernelDriverOf(device), "usbfs");
});
