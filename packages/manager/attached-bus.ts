// Runs in: manager. Owns: the devices that clients have attached: each is reached through a USB/IP server's socket.

import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { importDevice } from "@ring3/kernel/usbip/import";
import type { BusDevice } from "./bus.ts";
import { factsOf, grantTerms, identityOf, nameOf } from "./usb-device.ts";

export interface Attachment {
  readonly port: string;
  readonly devices: readonly string[];
  /** Unplugs it. */
  detach(): void;
}

export class AttachedBus {
  readonly #clock: Clock;
  readonly #added: (device: BusDevice) => void;
  readonly #removed: (id: string) => void;
  readonly #isPresent: (id: string) => boolean;
  readonly #ports = new Set<string>();

  /** `isPresent`: whether any bus has a device of that id. */
  constructor(
    clock: Clock,
    isPresent: (id: string) => boolean,
    added: (device: BusDevice) => void,
    removed: (id: string) => void,
  ) {
    this.#clock = clock;
    this.#isPresent = isPresent;
    this.#added = added;
    this.#removed = removed;
  }

  /** Rejects where the server does not answer as USB/IP servers do, or the port is taken. */
  async attach(socket: string, busid: string, wanted: string | null): Promise<Attachment> {
    const port = wanted ?? this.#freePort();
    if (!/^[A-Za-z0-9.-]{1,32}$/.test(port))
      throw new DeviceError(
        "invalid",
        `attach to port "${port}": expected at most 32 letters, digits, dots and dashes`,
      );
    if (this.#ports.has(port))
      throw new DeviceError("busy", `attach to port ${port}: a device is plugged in there`);
    this.#ports.add(port);
    try {
      const devices = await this.#enumerate(socket, busid, port);
      const taken = devices.find(({ id }) => this.#isPresent(id));
      if (taken !== undefined)
        throw new DeviceError("busy", `attach to port ${port}: ${taken.id} is plugged in there`);
      for (const device of devices) this.#added(device);
      const ids = devices.map(({ id }) => id);
      return { port, devices: ids, detach: () => this.#detach(port, ids) };
    } catch (error) {
      this.#ports.delete(port);
      throw error;
    }
  }

  #detach(port: string, ids: readonly string[]): void {
    if (!this.#ports.delete(port)) return;
    for (const id of ids) this.#removed(id);
  }

  #freePort(): string {
    for (let number = 1; ; number++) if (!this.#ports.has(`sim${number}`)) return `sim${number}`;
  }

  async #enumerate(socket: string, busid: string, port: string): Promise<BusDevice[]> {
    const { stream, info } = await importDevice(socket, busid, this.#clock, { port });
    stream.close();
    return info.interfaces.map(({ id, number }) => ({
      id,
      bus: "usb",
      identity: identityOf(info),
      name: nameOf(info),
      facts: factsOf(info, number),
      kernelDriver: () => null,
      holders: () => [],
      giveBack() {},
      open: async () => {
        const { stream: descriptor, info: fresh } = await importDevice(socket, busid, this.#clock, { port }); // ends the stream before it
        const devid = ((fresh.busNumber << 16) | fresh.deviceNumber) >>> 0; // usbip_protocol.rst, "devid"
        return { terms: grantTerms(fresh, number, "usbip", devid), descriptor, taken: false };
      },
    }));
  }
}
