// Runs in: lab guest, root. Our simulated drive as a device of a real kernel, at high and at super speed: Linux's own usb-storage judges
// it first, then ours drives the very same device through usbfs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connectNbd, copying, kernelDriverOf, madeOf, mounted } from "../guest/kernel-disk.ts";
import { within } from "../guest/patience.ts";
import { run } from "../guest/program.ts";
import { type GuestRing3, startRing3, succeeds } from "../guest/ring3.ts";
import { type Announcements, listen } from "../guest/uevents.ts";
import { attach } from "../guest/vhci.ts";

const IMAGE_MIB = 8;
const TREE = "packages/channel";

let announced: Announcements;
let guest: GuestRing3;
const folder = mkdtempSync(join(tmpdir(), "vhci-"));
before(async () => {
  await run("modprobe", "-a", "vhci_hcd", "usb-storage", "sd_mod", "nbd");
  guest = await startRing3();
  announced = listen();
});
after(async () => {
  announced?.[Symbol.dispose]();
  await guest?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** A drive of its own process, plugged into this kernel while `use` runs. */
async function simulated(speed: string, image: string, use: () => Promise<void>): Promise<void> {
  const socket = join(folder, speed);
  const args = ["--listen", socket, "--image", image, "--speed", speed, "--write-cache"];
  const sim = spawn(process.execPath, ["sims/usb-drive/main.ts", ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(sim, "close");
  try {
    await within(once(sim.stdout, "data"), () => "the sim's readiness"); // {"ready":true…}
    await attach(socket, "1-1");
    await use();
  } finally {
    sim.stdin.end();
    await within(ended, () => "the sim's end");
  }
}

for (const speed of ["high", "super"]) {
  test(`${speed} speed: the kernel's driver reads the image's bytes and keeps a file system; so does ours, through a kill`, async () => {
    const { ring3, life } = guest;
    const image = join(folder, `${speed}.img`);
    await run("dd", "if=/dev/urandom", `of=${image}`, "bs=1M", `count=${IMAGE_MIB}`);
    const original = `${image}.original`;
    cpSync(image, original);
    await simulated(speed, image, async () => {
      const { node, device } = madeOf(await announced.next("add", "disk"));
      assert.equal(kernelDriverOf(device), "usb-storage");
      await run("cmp", original, node);
      await run("mkfs.ext4", "-q", node);
      await mounted(node, "rw", (mount) => run("cp", "-r", TREE, `${mount}/theirs`));

      await ring3.reached(device, "available");
      await succeeds(ring3, "start", device, "--take");
      assert.equal(kernelDriverOf(device), "usbfs");
      const served = await life.served({ device });
      {
        await using disk = await connectNbd(served.units[0]!.endpoints[0]!.address);
        await run("fsck.ext4", "-fn", disk.node);
        await mounted(disk.node, "sync", async (mount) => {
          await run("diff", "-r", TREE, `${mount}/theirs`);
          await copying(TREE, `${mount}/ours`, () => life.kill({ device }));
        });
      }
      assert.equal((await ring3.device(device)).incarnation, 2);

      await succeeds(ring3, "stop", device);
      assert.deepEqual(madeOf(await announced.next("add", "disk")), { node, device });
      await run("fsck.ext4", "-fn", node);
      await mounted(node, "ro", (mount) => run("diff", "-r", TREE, `${mount}/ours`));
      await run("cmp", image, node);
    });
  });
}
