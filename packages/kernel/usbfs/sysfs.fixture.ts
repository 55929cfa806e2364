// Runs in: tests. Owns: a made-up sysfs tree in a temporary folder.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { qemuUsbStorage } from "../usb/descriptors.fixture.ts";

/** Paths to contents; a string that starts with "->" becomes a symbolic link. */
export type Tree = Readonly<Record<string, string | Uint8Array>>;

export function sysfs(context: TestContext, ...trees: Tree[]): string {
  const root = mkdtempSync(join(tmpdir(), "ring3-sysfs-"));
  context.after(() => rmSync(root, { recursive: true }));
  for (const [path, content] of trees.flatMap((tree) => Object.entries(tree))) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (typeof content === "string" && content.startsWith("->"))
      symlinkSync(content.slice(2), join(root, path));
    else writeFileSync(join(root, path), content);
  }
  return root;
}

const CONTROLLER = "devices/pci0000:00/0000:00:14.0";

/** A stick at port 1-4.2 with the kernel's usb-storage bound and one disk, as Linux 6.12 shows QEMU's usb-storage behind a hub. */
export function stick(more: Tree = {}): Tree {
  const device = `${CONTROLLER}/usb1/1-4/1-4.2`;
  const disk = `${device}/1-4.2:1.0/host2/target2:0:0/2:0:0:0/block/sdb`;
  return {
    "bus/usb/devices/usb1": `->../../../${CONTROLLER}/usb1`,
    "bus/usb/devices/1-0:1.0": `->../../../${CONTROLLER}/usb1/1-0:1.0`,
    "bus/usb/devices/1-4.2": `->../../../${device}`,
    "bus/usb/devices/1-4.2:1.0": `->../../../${device}/1-4.2:1.0`,
    [`${CONTROLLER}/usb1/busnum`]: "1\n",
    [`${CONTROLLER}/usb1/1-0:1.0/bInterfaceNumber`]: "00\n",
    [`${device}/busnum`]: "1\n",
    [`${device}/devnum`]: "7\n",
    [`${device}/speed`]: "480\n",
    [`${device}/bConfigurationValue`]: "1\n",
    [`${device}/descriptors`]: qemuUsbStorage,
    [`${device}/manufacturer`]: "QEMU\n",
    [`${device}/product`]: "QEMU USB HARDDRIVE\n",
    [`${device}/serial`]: "1-0000:00:04.0-4\n",
    [`${device}/1-4.2:1.0/driver`]: "->../../../../../../../bus/usb/drivers/usb-storage",
    [`${device}/1-4.2:1.0/subsystem`]: "->../../../../../../../bus/usb",
    [`${disk}/dev`]: "8:16\n",
    [`${disk}/subsystem`]: "->../../../../../../../../../../../../class/block",
    [`${disk}/sdb1/dev`]: "8:17\n",
    [`${disk}/sdb1/partition`]: "1\n",
    [`${disk}/sdb2/dev`]: "8:18\n",
    [`${disk}/sdb2/partition`]: "2\n",
    [`${disk}/queue/rotational`]: "1\n",
    ...Object.fromEntries(
      Object.entries(more).map(([path, content]) => [
        path.replace("DEVICE", device).replace("DISK", disk),
        content,
      ]),
    ),
  };
}
