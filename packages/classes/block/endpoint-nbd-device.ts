// Runs in: reflector. Owns: what the kernel's NBD client asks of one disk, /dev/nbdN, over the sockets that the manager has connected to it.
import type { KernelDisk } from "@ring3/kernel/disk/kernel-disk";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { type KernelDiskEndpoint, type KernelDiskOptions, startKernelDisk } from "./endpoint-kernel-disk.ts";
import { NbdConnection } from "./endpoint-nbd-connection.ts";
import { failureLog } from "./endpoint-nbd-failures.ts";

export interface NbdDeviceOptions extends KernelDiskOptions {
  /** The manager makes the disk, or gives its next connection. Resolves with our end of it. Rejects with DeviceError. */
  readonly publish: (medium: number, disk: KernelDisk) => Promise<Descriptor>;
}

export function startNbdDevice(options: NbdDeviceOptions): KernelDiskEndpoint {
  const { clock, log } = options;
  const failed = failureLog(clock, log);
  return startKernelDisk(options, async (disk, opened, shared) => {
    const socket = await options.publish(opened.port.properties.medium, disk);
    const connection = new NbdConnection(socket, {
      negotiate: async (_, enter) => ({ disk: await enter(), structured: false }), // drivers/block/nbd.c knows simple replies only
      shared,
      open: async () => opened,
      readOnly: opened.readOnly,
      pid: 0,
      clock,
      log,
      failed,
    });
    return { gone: connection.done, lasts: true };
  });
}
