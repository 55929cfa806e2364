// Runs in: lab guest, root. A disk that is pulled out in mid-copy and put back, under a rule that says to take it.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { eventually, socketOf } from "../../packages/cli/drivers-life.fixture.ts";
import { connectNbd, copying, kernelDriverOf, mounted } from "../guest/kernel-disk.ts";
import { plug, unplug } from "../guest/monitor.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, startRing3 } from "../guest/ring3.ts";

const SERIAL = "LOOSE";
const GRACE_MS = 6000; // in the guest a device is back within two seconds
const TREE = "packages/core";

let guest: GuestRing3;
let device: string;
let address: string;
/** The kernel's NBD client, over more than one test. */
const attached = new AsyncDisposableStack();
before(async () => {
  await run("modprobe", "-a", "usb-storage", "sd_mod", "nbd");
  // As PrivateNetwork= of systemd/ring3.service has it: the kernel announces devices in every network namespace of root's.
  guest = await startRing3({ take: [SERIAL], graceMs: GRACE_MS, under: ["unshare", "--net"] });
});
after(async () => {
  await attached.disposeAsync();
  await guest?.[Symbol.asyncDispose]();
});

const putIn = () =>
  plug({ driver: "usb-storage", id: "loose", bus: "xhci.0", port: "6", drive: "disk3", serial: SERIAL });

const pullOut = () => unplug("loose");

test("plugged in while ring3 runs, with a take rule: it comes up by itself, out of the kernel driver's hands", async () => {
  const { ring3, life } = guest;
  await putIn();
  device = await eventually("the device", async () => (await ring3.status()).devices[0]?.id);
  const served = await life.served({ device });
  assert.equal(kernelDriverOf(device), "usbfs");
  assert.equal(served.incarnation, 1);
  address = served.units[0]!.endpoints[0]!.address;
});

test("out and in again in mid-copy, within the grace: the copy goes on, nothing is lost", async () => {
  const { life } = guest;
  const disk = attached.use(await connectNbd(address)).node;
  await run("mkfs.ext4", "-q", disk);
  await mounted(disk, "sync", async (folder) => {
    await copying(TREE, `${folder}/tree`, async () => {
      await pullOut();
      await putIn();
      await life.replugged({ device }, 2);
    });
  });
  await run("fsck.ext4", "-fn", disk);
  await mounted(disk, "ro", (folder) => run("diff", "-r", TREE, `${folder}/tree`));
});

test("out for longer: what waits fails, nothing hangs, the endpoint is gone", async () => {
  const { life, ring3 } = guest;
  const socket = socketOf(await ring3.device(device));
  const writing = run("dd", "if=/dev/zero", "of=/dev/nbd0", "bs=64k", "count=1000", "oflag=direct");
  await pullOut();
  await assert.rejects(writing, /Input\/output error/);
  await life.removed({ device });
  await eventually("the end of the socket", () => !existsSync(socket) || undefined);
  assert.deepEqual((await ring3.status()).devices, []);
  await attached.disposeAsync();
});

test("in again after that: taken by the rule, at the same address, and a file system is made and kept", async () => {
  const { life } = guest;
  await putIn();
  const served = await life.served({ device });
  assert.deepEqual([served.incarnation, served.units[0]!.endpoints[0]!.address], [1, address]);
  await using disk = await connectNbd(address);
  await run("mkfs.ext4", "-q", disk.node);
  await run("fsck.ext4", "-fn", disk.node);
});

test("out while nobody uses it: gone, and ring3 stops in order", async () => {
  await pullOut();
  await guest.ring3.reached(device, "gone");
});
