// Runs in: manager. Owns: nothing. The only place that opens device nodes.
import { constants, fstatSync, lstatSync, realpathSync, type Stats } from "node:fs";
import { dirname, normalize } from "node:path";
import { DeviceError, systemError } from "@ring3/core/errors";
import { Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";

const DEV = "/dev";

// asm-generic/errno-base.h, errno.h
const EPERM = 1;
const ENOENT = 2;
const ENXIO = 6;
const EACCES = 13;
const EBUSY = 16;
const ENODEV = 19;
const ELOOP = 40;

/**
 * Opens a character or block device node below /dev. Refuses every other path, symbolic links on the way, and whatever is no device:
 * opening a FIFO would wait, and a link leads anywhere. `flags` as in open(2); no-follow is added, and the addon opens everything close-on-exec.
 */
export function openDeviceNode(path: string, flags: number): Descriptor {
  return openNodeBelow(DEV, path, flags);
}

/** The same for another root; only tests have one. */
export function openNodeBelow(root: string, path: string, flags: number): Descriptor {
  if (normalize(path) !== path || !path.startsWith(`${root}/`) || path.includes("\0")) {
    throw new DeviceError(
      "denied",
      `open ${JSON.stringify(path)}: only nodes below ${root}, written without . and ..`,
    );
  }
  const before = inspect(path, () => {
    const directory = dirname(path);
    const real = realpathSync(directory);
    if (real !== directory)
      throw new DeviceError(
        "denied",
        `open ${path}: ${directory} is a link to ${real}; name the node itself`,
      );
    return lstatSync(path);
  });
  refuseOther(path, before);
  const fd = native.open(path, flags | constants.O_NOFOLLOW, 0);
  if (fd < 0) throw openError(path, -fd);
  const descriptor = new Descriptor(fd);
  const opened = fstatSync(fd);
  if (opened.rdev !== before.rdev || opened.mode !== before.mode) {
    descriptor.close();
    throw new DeviceError("busy", `open ${path}: another node took its place meanwhile; try again`);
  }
  return descriptor;
}

function inspect(path: string, look: () => Stats): Stats {
  try {
    return look();
  } catch (error) {
    if (error instanceof DeviceError) throw error;
    throw openError(path, Math.abs((error as NodeJS.ErrnoException).errno ?? EACCES));
  }
}

function refuseOther(path: string, stats: Stats): void {
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return;
  const what = stats.isSymbolicLink()
    ? "a symbolic link; name the node it leads to"
    : stats.isDirectory()
      ? "a directory"
      : "no device node";
  throw new DeviceError("denied", `open ${path}: it is ${what}`);
}

/** The system call's error with what to do next. */
function openError(path: string, errno: number): DeviceError {
  const next = nextStep(path, errno);
  return systemError(next === undefined ? `open ${path}` : `open ${path} (${next})`, errno);
}

function nextStep(path: string, errno: number): string | undefined {
  switch (errno) {
    case EACCES:
    case EPERM:
      return `run ring3 as root, or let its user in with a udev rule: ${udevRule(path)}`;
    case ENOENT:
      return "there is no such node: is the device still plugged in, and does udev run?";
    case ENODEV:
    case ENXIO:
      return "no device is behind this node: it was unplugged, or its kernel module is not loaded";
    case EBUSY:
      return `another program holds it: fuser -v ${path} names it`;
    case ELOOP:
      return "it is a symbolic link; name the node it leads to";
    default:
      return undefined;
  }
}

function udevRule(path: string): string {
  const usb = path.startsWith(`${DEV}/bus/usb/`);
  const match = usb
    ? 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device"'
    : `KERNEL=="${path.slice(DEV.length + 1)}"`;
  return `${match}, GROUP="ring3", MODE="0660" in /etc/udev/rules.d/70-ring3.rules, then udevadm trigger`;
}
