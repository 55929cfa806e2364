// Runs in: manager. Owns: nothing. Who uses what the kernel makes of a USB interface: a disk that is mounted is never taken away.
import { constants, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { DeviceError } from "@ring3/core/errors";
import { openDeviceNode } from "../open/open.ts";
import { interfaceFolder } from "./enumerate.ts";
import { type Opener, openersOf } from "./openers.ts";

export interface Holder {
  /** "/dev/sdb1" */
  readonly node: string;
  readonly how: "mounted" | "swap" | "holder" | "open" | "busy";
  /** The mount point, the device above, the process, or who to ask. */
  readonly where: string;
}

export interface HolderSources {
  /** Text of /proc/self/mountinfo (proc(5)). */
  mountinfo(): string;
  /** Text of /proc/swaps. */
  swaps(): string;
  /** Which processes have these block devices open. */
  openers(nodes: readonly string[]): readonly Opener[];
  /** Does somebody hold this block device exclusively? Sees what the two files do not: mounts of other namespaces, mdadm, mkfs. */
  busy(node: string): boolean;
}

export const systemSources: HolderSources = {
  mountinfo: () => readFileSync("/proc/self/mountinfo", "utf8"),
  swaps: () => readFileSync("/proc/swaps", "utf8"),
  openers: openersOf,
  busy: isHeldExclusively,
};

interface BlockDevice {
  readonly node: string;
  /** "8:17" */
  readonly number: string;
  /** Names of what is built on it: device-mapper, md, bcache. */
  readonly holders: readonly string[];
  readonly partitions: readonly BlockDevice[];
}

// host/target/LUN/block/name: an interface's disks lie five folders down; below a hub's interface there is none.
const MAX_DEPTH = 6;

/** Every use of the block devices below an interface ("usb-1-4.2:1.0"); empty when it is free to be taken. */
export function holdersOf(
  sysfsRoot: string,
  interfaceId: string,
  sources: HolderSources = systemSources,
): Holder[] {
  const mounts = parseMounts(sources.mountinfo());
  const swaps = parseSwaps(sources.swaps());
  return blockDevicesBelow(interfaceFolder(sysfsRoot, interfaceId), MAX_DEPTH).flatMap((disk) => {
    const found = [disk, ...disk.partitions].flatMap((device) => usesOf(device, mounts, swaps));
    // A partition in use makes its disk busy, and open perhaps: only said where nothing better explains it.
    if (found.length > 0) return found;
    const open = sources
      .openers([disk, ...disk.partitions].map(({ node }) => node))
      .map(({ node, pid, name }) => ({ node, how: "open" as const, where: `process ${pid}, ${name}` }));
    if (open.length > 0 || !sources.busy(disk.node)) return open;
    return [{ node: disk.node, how: "busy" as const, where: `fuser -v ${disk.node}` }];
  });
}

function usesOf(device: BlockDevice, mounts: readonly Mount[], swaps: readonly string[]): Holder[] {
  const { node, number, holders } = device;
  return [
    // By number, and by name for file systems with numbers of their own (btrfs).
    ...mounts
      .filter((mount) => mount.number === number || mount.source === node)
      .map(({ where }) => ({ node, how: "mounted" as const, where })),
    ...swaps
      .filter((swap) => swap === node)
      .map(() => ({ node, how: "swap" as const, where: "/proc/swaps" })),
    ...holders.map((name) => ({ node, how: "holder" as const, where: `/dev/${name}` })),
  ];
}

function blockDevicesBelow(folder: string, depth: number): BlockDevice[] {
  if (depth === 0) return [];
  return foldersIn(folder).flatMap((name) =>
    name === "block"
      ? foldersIn(join(folder, name)).map((disk) => blockDevice(join(folder, name, disk)))
      : blockDevicesBelow(join(folder, name), depth - 1),
  );
}

function blockDevice(folder: string): BlockDevice {
  const partitions = foldersIn(folder).filter((name) => text(join(folder, name, "partition")) !== undefined);
  return {
    node: `/dev/${basename(folder)}`,
    number: text(join(folder, "dev")) ?? "",
    holders: entries(join(folder, "holders")).map(({ name }) => name),
    partitions: partitions.map((name) => blockDevice(join(folder, name))),
  };
}

interface Mount {
  readonly number: string;
  readonly source: string;
  readonly where: string;
}

/** proc(5), mountinfo: id, parent, major:minor, root, mount point, options, optional fields, "-", type, source, super options. */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const separator = fields.indexOf("-", 6);
    const [, , number, , where] = fields;
    const source = fields[separator + 2];
    if (separator === -1 || number === undefined || where === undefined || source === undefined) return [];
    return [{ number, source: unescaped(source), where: unescaped(where) }];
  });
}

/** The first column of /proc/swaps, below its heading. */
export function parseSwaps(swaps: string): string[] {
  return swaps
    .split("\n")
    .slice(1)
    .map((line) => unescaped(line.split(/\s+/)[0] ?? ""))
    .filter((name) => name !== "");
}

/** The kernel writes space, tab, newline and backslash as \ooo. */
const unescaped = (name: string) =>
  name.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

function isHeldExclusively(node: string): boolean {
  try {
    openDeviceNode(node, constants.O_RDONLY | constants.O_EXCL).close();
    return false;
  } catch (error) {
    return error instanceof DeviceError && error.kind === "busy";
  }
}

/** sysfs links lead out of the device's own tree, up to its parents: only real folders are followed. */
const foldersIn = (folder: string) =>
  entries(folder)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

function entries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return []; // unplugged, or the device has no such folder
  }
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
