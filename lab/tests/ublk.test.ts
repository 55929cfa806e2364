// Runs in: lab guest, root. A drive as a disk of the kernel's own, /dev/ublkbN.
import { readdirSync } from "node:fs";
import { kernelDiskSuite } from "../guest/kernel-disk-suite.ts";

kernelDiskSuite({
  kind: "ublk",
  block: "auto",
  module: "ublk_drv",
  nodes: () => readdirSync("/dev").filter((name) => name.startsWith("ublkb")),
});
