// Runs in: lab guest, root. One driver, unchanged, on two of QEMU's USB disks, in one process: a pool's, or its reflector. What is asked of usbfs there, what
// one that leaves gives back while the other works on, and a death of both under the kernel's NBD client.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { kernelDriverOf, madeOf } from "../guest/kernel-disk.ts";
import { plug, unplug } from "../guest/monitor.ts";
import { run } from "../guest/program.ts";
import { loggedOf, startRing3, succeeds } from "../guest/ring3.ts";
import { type Announcements, listen } from "../guest/uevents.ts";

const BYTES = 4 << 20;

let announced: Announcements;
before(async () => {
  await run("modprobe", "-a", "usb-storage", "sd_mod");
  announced = listen();
});
after(() => announced?.[Symbol.dispose]());

/** Filled through its endpoint, and compared. */
async function copied(address: string, seed: number): Promise<void> {
  const file = `/tmp/placed-${seed}`;
  await run("sh", "-c", `yes ${seed} | head -c ${BYTES} > ${file}`);
  await run("nbdcopy", file, address);
  await run("sh", "-c", `nbdcopy ${address} - | cmp -n ${BYTES} - ${file}`);
}

for (const placement of ["pooled:disks", "inline"])
  test(`${placement}: two disks in one process, each filled, both killed, one given back while the other goes on`, async () => {
    await using guest = await startRing3({ placement });
    const { ring3, life } = guest;
    await using plugged = new AsyncDisposableStack();
    const devices: string[] = [];
    for (const index of [0, 1]) {
      const serial = `DISK${index}`;
      const bus = { bus: "xhci.0", port: String(2 + index) };
      await plug({ driver: "usb-storage", id: `stick${index}`, ...bus, drive: `disk${index}`, serial });
      plugged.defer(() => unplug(`stick${index}`));
      const { device } = madeOf(await announced.next("add", "disk"));
      await succeeds(ring3, "start", device, "--take");
      devices.push(device);
    }
    const [a, b] = devices as [string, string];
    await loggedOf(ring3, b, async () => {
      const addresses = [];
      for (const device of devices)
        addresses.push((await life.served({ device })).units[0]!.endpoints[0]!.address);
      const pids = await Promise.all(devices.map(async (device) => (await ring3.device(device)).hostPid));
      assert.equal(pids[0], pids[1]);
      for (const [index, address] of addresses.entries()) await copied(address, index);
      await life.kill({ device: a });
      for (const device of devices) await life.served({ device });
      for (const [index, address] of addresses.entries()) await copied(address, 2 + index);
      const { hostPid, incarnation } = await ring3.device(b);
      assert.equal(incarnation, 2);

      await succeeds(ring3, "stop", a);
      assert.equal(kernelDriverOf(a), "usb-storage");
      assert.equal(madeOf(await announced.next("add", "disk")).device, a);
      await copied(addresses[1]!, 4);
      const now = await ring3.device(b);
      assert.deepEqual([now.hostPid, now.incarnation, kernelDriverOf(b)], [hostPid, 2, "usbfs"]);
      await succeeds(ring3, "stop", b);
      assert.equal(madeOf(await announced.next("add", "disk")).device, b);
    });
  });
