// Runs in: lab guest, root. The whole way of the data on disks that nobody here wrote: QEMU's usb-storage, and its usb-bot with a
// SCSI disk behind it. The kernel's NBD client and ext4 at one end, kill -9 in the middle, the kernel's usb-storage as the judge.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { after, before, test } from "node:test";
import { connectNbd, copying, kernelDisksOf, kernelDriverOf, madeOf, mounted } from "../guest/kernel-disk.ts";
import { plug, qmp, unplug } from "../guest/monitor.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, loggedOf, startRing3, succeeds } from "../guest/ring3.ts";
import { type Announcements, listen } from "../guest/uevents.ts";

const TREE = "drivers"; // of the checkout: some thirty small files
const KILLS = 4;

let announced: Announcements;
let guest: GuestRing3;
before(async () => {
  await run("modprobe", "-a", "usb-storage", "sd_mod", "nbd");
  guest = await startRing3();
  announced = listen();
});
after(async () => {
  announced?.[Symbol.dispose]();
  await guest?.[Symbol.asyncDispose]();
});

const models = {
  "usb-storage": async () => {
    const bus = { bus: "xhci.0", port: "2" };
    await plug({ driver: "usb-storage", id: "stick", ...bus, drive: "disk0", serial: "STICK" });
  },
  // One that is plugged in while QEMU runs is on the bus only once it is told so: its disks come first (hw/usb/dev-storage-bot.c).
  "usb-bot": async () => {
    await plug({ driver: "usb-bot", id: "stick", bus: "xhci.0", port: "2" });
    await plug({ driver: "scsi-hd", id: "lun0", bus: "stick.0", lun: 0, drive: "disk1" });
    await qmp("qom-set", { path: "stick", property: "attached", value: true });
  },
};

/** The kernel's NBD client on the disk: a file system is made and filled on it while drivers and the manager die. */
async function filledOverKills({ ring3, life }: GuestRing3, device: string, address: string): Promise<void> {
  const begun = `ring3 lab: ${randomUUID()}`;
  writeFileSync("/dev/kmsg", begun); // the node has been another test's before
  await using disk = await connectNbd(address);
  await run("mkfs.ext4", "-q", disk.node);
  await mounted(disk.node, "sync", async (folder) => {
    await copying(TREE, `${folder}/tree`, async () => {
      for (let kills = 0; kills < KILLS; kills++) {
        if (kills === KILLS / 2) await ring3.killManager();
        await life.kill({ device });
      }
    });
  });
  const own = new RegExp(`(I/O|EXT4-fs) error.*\\b${basename(disk.node)}\\b`); // of others it may tell: a disk is taken while the kernel looks for partitions
  const [, told] = (await run("dmesg")).split(begun);
  assert.ok(told !== undefined, "the kernel's log does not reach back to the beginning");
  const refused = told.split("\n").filter((line) => own.test(line)); // it tells nobody else
  assert.deepEqual(refused, []);
  await run("fsck.ext4", "-fn", disk.node);
}

for (const [model, plugIn] of Object.entries(models)) {
  test(`${model}: offered, taken, ext4 on the kernel's NBD client over ${KILLS} kills and the manager's, given back, all of it there`, async () => {
    const { ring3, life } = guest;
    await plugIn();
    await using plugged = new AsyncDisposableStack();
    plugged.defer(() => unplug("stick"));
    const { node, device } = madeOf(await announced.next("add", "disk"));
    assert.deepEqual((await ring3.reached(device, "available")).units, []);
    assert.equal(kernelDriverOf(device), "usb-storage");

    await succeeds(ring3, "start", device, "--take");
    assert.equal(kernelDriverOf(device), "usbfs");
    assert.deepEqual(kernelDisksOf(device), []);
    const { units } = await life.served({ device });
    await loggedOf(ring3, device, () => filledOverKills(guest, device, units[0]!.endpoints[0]!.address));
    const now = await ring3.device(device);
    assert.deepEqual([now.incarnation, now.units], [1 + KILLS, units]);

    await succeeds(ring3, "stop", device);
    assert.equal(kernelDriverOf(device), "usb-storage");
    assert.deepEqual(madeOf(await announced.next("add", "disk")), { node, device });
    await run("fsck.ext4", "-fn", node);
    await mounted(node, "ro", (folder) => run("diff", "-r", TREE, `${folder}/tree`));
    await plugged.disposeAsync();
    await ring3.reached(device, "gone");
  });
}
