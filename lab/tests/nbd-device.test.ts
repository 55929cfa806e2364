// Runs in: lab guest, root. A drive as a disk of the kernel's own, /dev/nbdN, through the kernel's NBD client.

import { nbdNodes } from "../guest/kernel-disk.ts";
import { kernelDiskSuite } from "../guest/kernel-disk-suite.ts";

kernelDiskSuite({ kind: "nbd-device", block: "nbd-device", module: "nbd", nodes: nbdNodes });
