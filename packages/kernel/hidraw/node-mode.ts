// Runs in: manager. Owns: nothing. Who may open a HID device's node.
import { chmodSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { systemError } from "@ring3/core/errors";

/** Permission bits; an access list's mask is among them, so that without the group's no entry of it means anything (acl(5)). Undefined: there is no such node. */
export function nodeMode(node: string): number | undefined {
  const found = statSync(node, { throwIfNoEntry: false });
  return found && found.mode & 0o777;
}

/** Throws DeviceError: it takes the node's owner, or root. */
export function setNodeMode(node: string, mode: number): void {
  try {
    chmodSync(node, mode);
  } catch (error) {
    throw systemError(`chmod ${mode.toString(8)} ${node}`, (error as NodeJS.ErrnoException).errno ?? 0);
  }
}

/** The kernel uses the numbers of nodes again, for whichever device comes next. */
export function isNodeOf(node: string, kernelName: string, sysfs = "/sys"): boolean {
  try {
    return basename(realpathSync(join(sysfs, "class/hidraw", basename(node), "device"))) === kernelName;
  } catch {
    return false;
  }
}
