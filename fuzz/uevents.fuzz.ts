// Runs in: fuzzing.
import assert from "node:assert/strict";
import { parseUevent } from "../packages/kernel/uevent/uevent.ts";
import { bytesOf, type Target } from "./target.ts";

const seed = (...lines: string[]) => bytesOf(lines.map((line) => `${line}\0`).join(""));

export default {
  what: "uevents, from the kernel or whoever may send on its netlink group",
  seeds: [
    seed(
      "add@/devices/pci0000:00/usb1/1-4",
      "ACTION=add",
      "DEVPATH=/devices/pci0000:00/usb1/1-4",
      "SUBSYSTEM=usb",
      "DEVTYPE=usb_device",
      "SEQNUM=1",
    ),
    seed("remove@/devices/x", "ACTION=remove", "DEVPATH=/devices/x", "SUBSYSTEM=usb"),
  ],
  words: ["ACTION=", "DEVPATH=/..", "SUBSYSTEM=", "\0", "=", "/../"].map(bytesOf),
  run(input) {
    const event = parseUevent(input);
    if (event === undefined) return false;
    assert.ok(event.devpath.startsWith("/") && !event.devpath.split("/").includes(".."), event.devpath);
    return true;
  },
} satisfies Target;
