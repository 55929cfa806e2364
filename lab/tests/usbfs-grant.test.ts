// Runs in: lab guest, root. A grant of one interface of a device with several, in the hands of a process with a driver's filter:
// what the kernel lets it do beyond the grant. QEMU's usb-audio has a control and a streaming interface.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { DeviceError } from "@ring3/core/errors";
import { readUsbDevices } from "@ring3/kernel/usbfs/enumerate";
import { openGrant } from "@ring3/kernel/usbfs/grant";
import { plug, unplug } from "../guest/monitor.ts";
import { listen } from "../guest/uevents.ts";

const EPERM = -1;
const EACCES = -13;
const EINVAL = -22;

test("of the device's other interfaces, its reset, its drivers and its configuration nothing is in reach", async () => {
  using announced = listen();
  await plug({
    driver: "usb-audio",
    id: "audio",
    bus: "xhci.0",
    port: "5",
    audiodev: "silence",
  });
  await announced.next("add", "usb_interface");
  await announced.next("add", "usb_interface");
  const refused = (port: string, error: DeviceError) => assert.fail(`${port}: ${error.message}`);
  const device = readUsbDevices("/sys", refused).find(({ interfaces }) => interfaces.length > 1);
  assert.ok(device);
  {
    using ours = openGrant(device, [0], { detach: false });
    using _others = openGrant(device, [1], { detach: false });
    const script = fileURLToPath(new URL("../guest/foreign-ioctls.ts", import.meta.url));
    const { stdout, stderr } = spawnSync(process.execPath, [script], {
      stdio: ["ignore", "pipe", "pipe", ours.fd],
      encoding: "utf8",
    });
    assert.notEqual(stdout, "", stderr);
    assert.deepEqual(Object.fromEntries(JSON.parse(stdout)), {
      // by the kernel, since the grant's privileges were dropped
      "claim the foreign interface": EACCES,
      "release the foreign interface": EINVAL,
      "reset the device": EACCES,
      "release ours": 0,
      "claim ours again": 0,
      // by the filter
      SETCONFIGURATION: EPERM,
      CONTROL: EPERM,
      BULK: EPERM,
      SUBMITURB32: EPERM,
      "REAPURB, which blocks": EPERM,
      IOCTL: EPERM,
      DISCONNECT: EPERM,
      CONNECT: EPERM,
      CLAIM_PORT: EPERM,
      DISCONNECT_CLAIM: EPERM,
      ALLOC_STREAMS: EPERM,
      DROP_PRIVILEGES: EPERM,
      FORBID_SUSPEND: EPERM,
    });
  }
  await unplug("audio");
});
