// Runs in: manager. Owns: nothing; what a reflector asks for of the kernel's disks, and which of them are its.
import type { clientEdge } from "@ring3/control/client-edge";
import { Answer, type Handlers, type ServingPeer } from "@ring3/control/peer";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { Device } from "./device.ts";
import type { KernelDisks } from "./kernel-disks.ts";

type ClientEdge = typeof clientEdge;

export interface DiskAsker {
  /** undefined: it may have none. */
  readonly disks: () => KernelDisks | undefined;
  /** Its process. Throws DeviceError where that has died. */
  readonly server: () => number;
  readonly deviceOf: (unit: string) => Device | undefined;
  /** It has endpoints for the device's units. */
  readonly wants: (device: Device) => boolean;
}

export function diskHandlers({
  disks,
  server,
  deviceOf,
  wants,
}: DiskAsker): Pick<
  Handlers<ClientEdge, Descriptor, ServingPeer<ClientEdge>>,
  "publish" | "begin" | "withdraw"
> {
  function allowed(method: string): KernelDisks {
    const found = disks();
    if (found === undefined)
      throw new DeviceError("denied", `${method}: only for a reflector whose endpoints are the kernel's`);
    return found;
  }

  const anothers = (method: string, unit: string) =>
    new DeviceError("denied", `${method} ${unit}: it is another reflector's`);

  function requireIts(method: string, unit: string): void {
    const device = deviceOf(unit);
    if (device === undefined)
      throw new DeviceError("invalid", `${method} ${unit}: there is no such unit; see: ring3 status`);
    if (!wants(device)) throw anothers(method, unit);
  }

  return {
    async publish({ disk, ...identity }) {
      const kernel = allowed("publish");
      requireIts("publish", identity.unit);
      const { device, queues, depth } = await kernel.publish(identity, server(), disk);
      return new Answer({ queues, depth }, [device]);
    },
    async begin(identity) {
      const kernel = allowed("begin");
      requireIts("begin", identity.unit);
      return { node: await kernel.begin(identity, server()) };
    },
    /** Also of a unit that has gone, or that has come again as another reflector's while this one served the disk. */
    async withdraw(identity) {
      const device = deviceOf(identity.unit);
      const its = device === undefined || wants(device);
      if (!(await allowed("withdraw").withdraw(identity, server(), its)))
        throw anothers("withdraw", identity.unit);
      return {};
    },
  };
}
