// Runs in: lab guest, in tests. What the kernel's own programs make of a disk: its NBD client on ring3's endpoints, file systems, sysfs.
import { existsSync, globSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { nbdDevices } from "@ring3/kernel/nbd/sysfs";
import type { Uevent } from "@ring3/kernel/uevent/uevent";
import { eventually } from "../../packages/cli/drivers-life.fixture.ts";
import { run } from "./program.ts";

const NBD = "/dev/nbd0";
const NBD_USED = "/sys/block/nbd0/pid";
const FOLDER = "/run/mounted";
const ENOUGH = "/run/copied-enough";

/** The kernel's NBD client on an endpoint (`nbd+unix:///NAME?socket=PATH`), as an administrator starts and stops it. */
export async function connectNbd(address: string): Promise<{ readonly node: string } & AsyncDisposable> {
  const { pathname, searchParams } = new URL(address);
  const name = decodeURIComponent(pathname.slice(1));
  await run("nbd-client", "-unix", searchParams.get("socket")!, NBD, "-N", name);
  return {
    node: NBD,
    async [Symbol.asyncDispose]() {
      await run("nbd-client", "-d", NBD);
      // Its node is free once its last user has closed it (drivers/block/nbd.c, nbd_config_put).
      await eventually(`the release of ${NBD}`, () => !existsSync(NBD_USED) || undefined);
    },
  };
}

/** The nodes of all disks that ring3s have made of the kernel's NBD client. */
export function nbdNodes(): string[] {
  const own = nbdDevices().filter(({ backend }) => backend?.startsWith("ring3 "));
  return own.map(({ index }) => `/dev/nbd${index}`);
}

/** Runs `use` while the file system of a disk is mounted; the disk is free again afterwards. */
export async function mounted<T>(
  node: string,
  options: string,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  await run("mkdir", "-p", FOLDER);
  await run("mount", "-o", options, node, FOLDER);
  let flags: string[] = ["-l"]; // after a failure somebody may still be in there
  try {
    const result = await use(FOLDER);
    flags = [];
    return result;
  } finally {
    await run("umount", ...flags, FOLDER);
  }
}

/** Copies a tree, over the copy again and again, as long as `use` runs: all that happens there happens in mid-copy. Resolves once the copy is whole. */
export async function copying(tree: string, copy: string, use: () => Promise<void>): Promise<void> {
  rmSync(ENOUGH, { force: true });
  const rounds = `set -e; while :; do cp -rT ${tree} ${copy}; [ ! -e ${ENOUGH} ] || exit 0; done`;
  const used = async () => {
    try {
      await use();
    } finally {
      writeFileSync(ENOUGH, "");
    }
  };
  await Promise.all([run("sh", "-c", rounds), used()]);
}

const interfaceFolder = (device: string) => `/sys/bus/usb/devices/${device.replace(/^usb-/, "")}`;

/** The driver that sysfs shows for `usb-1-2:1.0`; undefined: none. */
export function kernelDriverOf(device: string): string | undefined {
  const link = `${interfaceFolder(device)}/driver`;
  return existsSync(link) ? basename(readlinkSync(link)) : undefined;
}

/** The nodes of the disks that the kernel's usb-storage has made of an interface. */
export function kernelDisksOf(device: string): string[] {
  const found = globSync("host*/target*/*/block/*", { cwd: interfaceFolder(device) });
  return found.map((path) => `/dev/${basename(path)}`);
}

/** Of the uevent of a disk that the kernel's usb-storage has made: its node, and the USB interface that it lies on. */
export function madeOf({ devpath }: Uevent): { node: string; device: string } {
  const port = /\/(\d+-[\d.]+:\d+\.\d+)\/host/.exec(devpath);
  if (port === null) throw new Error(`${devpath} is no disk on USB`);
  return { node: `/dev/${basename(devpath)}`, device: `usb-${port[1]}` };
}
