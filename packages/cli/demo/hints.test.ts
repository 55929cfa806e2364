import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { hintsText } from "./hints.ts";

const address = "nbd+unix:///usb-sim1%3A1.0%230?socket=/tmp/ring3-demo-x/block/usb-sim1%3A1.0.0.nbd";
const device = (id: string, className: string, hostPid: number | null): DeviceStatus => ({
  id,
  alias: null,
  identity: "0781:5583 4C53",
  name: "a device",
  bus: "usb",
  driver: "a-driver",
  class: className,
  placement: "isolated",
  sandbox: "standard",
  state: "running",
  reason: "",
  incarnation: 1,
  restarts: 0,
  hostPid,
  units: [{ id: `${id}#0`, endpoints: className === "block" ? [{ kind: "nbd", address }] : [] }],
});
const status = (...devices: DeviceStatus[]): Status => ({
  keeperPid: 100,
  manager: { pid: 101, uptimeMs: 65_000 },
  reflectors: [],
  devices,
});

test("the demo's hints are commands that work as they stand, within 80 columns but for the disk's address", () => {
  const all = status(
    device("usb-sim1:1.0", "block", 4711),
    device("usb-pad:1.3", "gamepad", 4712),
    device("usb-mouse:1.0", "input", 4713),
  );
  const lines = hintsText(all, "/tmp/ring3-demo-x", "http://127.0.0.1:1/", { gamepad: 99 }).split("\n");
  for (const command of [
    "export RING3_STATE_DIR=/tmp/ring3-demo-x",
    "./ring3 watch usb-pad:1.3",
    "./ring3 watch usb-mouse:1.0",
    "kill -9 4712",
    "kill -USR2 99",
    `DISK='${address}'`,
    'nbdinfo "$DISK"',
    'nbdcopy --progress "$DISK" /tmp/ring3-copy.img',
    "kill -9 4711",
    "kill -STOP 4711",
    "./ring3 status",
  ])
    assert.ok(
      lines.some((line) => line.split(" #")[0]!.trim() === command),
      command,
    );
  for (const line of lines) assert.ok(line.length <= 80 || line.includes(address), line);
});

test("of devices without a driver nothing is said", () => {
  const text = hintsText(status(device("usb-sim1:1.0", "block", null)), "/tmp/x", undefined);
  assert.deepEqual([text.includes("kill"), text.includes("nbd")], [false, false]);
});
