// Runs in: manager. Owns: the devices that clients have attached: each is reached through a USB/IP server's socket.

import { type PlugRecord, recordName } from "@ring3/control/legacy";
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { parseDescriptors } from "@ring3/kernel/usb/descriptors";
import { describedInterfaces } from "@ring3/kernel/usb/device-info";
import { type Imported, importDevice } from "@ring3/kernel/usbip/import";
import type { BusDevice, Grant } from "./bus.ts";
import type { Legacy } from "./legacy.ts";
import { factsOf, grantTerms, identityOf, looksTheSame, nameOf } from "./usb-device.ts";

export interface Attachment {
  readonly port: string;
  readonly devices: readonly string[];
  /** Unplugs it. */
  detach(): void;
}

type Enumerated = Pick<Imported, "info" | "serverPid">;

/** What is plugged into one port. */
interface Plug {
  readonly port: string;
  readonly socket: string;
  readonly busid: string;
  enumerated: Enumerated | undefined;
  ids: readonly string[];
  /** Runs while a device that was attached at an earlier manager waits for who attached it. */
  forsaken: Timer | undefined;
}

export interface AttachedBusParts {
  readonly clock: Clock;
  readonly legacy: Legacy;
  /** Who has attached a device has so long to say so again to a new manager. */
  readonly returnMs: number;
}

export class AttachedBus {
  readonly #parts: AttachedBusParts;
  readonly #added: (device: BusDevice) => void;
  readonly #removed: (id: string) => void;
  readonly #isPresent: (id: string) => boolean;
  readonly #plugs = new Map<string, Plug>();

  /** `isPresent`: whether any bus has a device of that id. */
  constructor(
    parts: AttachedBusParts,
    isPresent: (id: string) => boolean,
    added: (device: BusDevice) => void,
    removed: (id: string) => void,
  ) {
    this.#parts = parts;
    this.#isPresent = isPresent;
    this.#added = added;
    this.#removed = removed;
  }

  /** Rejects where the server does not answer as USB/IP servers do, or the port is taken. */
  async attach(socket: string, busid: string, wanted: string | null): Promise<Attachment> {
    const forsaken = [...this.#plugs.values()].find(
      (plug) => plug.forsaken !== undefined && plug.socket === socket && plug.busid === busid,
    );
    if (forsaken !== undefined && forsaken.port === (wanted ?? forsaken.port))
      return this.#returned(forsaken);
    const port = wanted ?? this.#freePort();
    if (!/^[A-Za-z0-9.-]{1,32}$/.test(port))
      throw new DeviceError(
        "invalid",
        `attach to port "${port}": expected at most 32 letters, digits, dots and dashes`,
      );
    if (this.#plugs.has(port))
      throw new DeviceError("busy", `attach to port ${port}: a device is plugged in there`);
    const plug: Plug = { port, socket, busid, enumerated: undefined, ids: [], forsaken: undefined };
    this.#plugs.set(port, plug);
    try {
      const { stream, ...enumerated } = await this.#import(plug);
      stream.close();
      const devices = this.#devices(plug, enumerated);
      const taken = devices.find(({ id }) => this.#isPresent(id));
      if (taken !== undefined)
        throw new DeviceError("busy", `attach to port ${port}: ${taken.id} is plugged in there`);
      this.#plugIn(plug, enumerated, devices);
      return this.#attachment(plug);
    } catch (error) {
      this.#plugs.delete(port);
      throw error;
    }
  }

  /** What was attached at an earlier manager is still plugged in. */
  inherit(record: PlugRecord): void {
    const { port, socket, busid } = record;
    const forsaken = this.#parts.clock.after(this.#parts.returnMs, () => this.#detach(plug));
    const plug: Plug = { port, socket, busid, enumerated: undefined, ids: [], forsaken };
    const enumerated = enumeratedOf(record);
    this.#plugs.set(port, plug);
    this.#plugIn(plug, enumerated, this.#devices(plug, enumerated));
  }

  /** What was attached there at an earlier manager, and by nobody at this one. */
  forsaken(port: string): Attachment | undefined {
    const plug = this.#plugs.get(port);
    return plug?.forsaken === undefined ? undefined : this.#returned(plug);
  }

  isTaken(port: string): boolean {
    return this.#plugs.has(port);
  }

  #returned(plug: Plug): Attachment {
    plug.forsaken!.cancel();
    plug.forsaken = undefined;
    return this.#attachment(plug);
  }

  #attachment(plug: Plug): Attachment {
    return { port: plug.port, devices: plug.ids, detach: () => this.#detach(plug) };
  }

  #detach(plug: Plug): void {
    if (this.#plugs.get(plug.port) !== plug) return;
    this.#plugs.delete(plug.port);
    this.#parts.legacy.drop(recordName("plug", plug.port));
    for (const id of plug.ids) this.#removed(id);
  }

  #freePort(): string {
    for (let number = 1; ; number++) if (!this.#plugs.has(`sim${number}`)) return `sim${number}`;
  }

  #plugIn(plug: Plug, enumerated: Enumerated, devices: readonly BusDevice[]): void {
    plug.enumerated = enumerated;
    plug.ids = devices.map(({ id }) => id);
    this.#parts.legacy.note("plug", recordName("plug", plug.port), recordOf(plug, enumerated));
    for (const device of devices) this.#added(device);
  }

  #import({ socket, busid, port, enumerated }: Plug): Promise<Imported> {
    return importDevice(socket, busid, this.#parts.clock, { port, before: enumerated?.info }); // ends the stream before it
  }

  #devices(plug: Plug, enumerated: Enumerated): BusDevice[] {
    const { info } = enumerated;
    return info.interfaces.map(({ id, number }) => ({
      id,
      bus: "usb",
      transport: "usbip",
      identity: identityOf(info),
      name: nameOf(info),
      facts: factsOf(info, number),
      kernelDriver: () => null,
      holders: () => [],
      allowTaking() {},
      takeable: false,
      plugging: `${enumerated.serverPid}/${info.busNumber}/${info.deviceNumber}`,
      withheld: () => false,
      isShared: false,
      permissions: () => [],
      lostClaim: () => undefined, // the end of its stream says so by itself
      giveBack: () => null,
      open: () => this.#open(plug, enumerated, number),
    }));
  }

  async #open(plug: Plug, enumerated: Enumerated, number: number): Promise<Grant> {
    let imported = await this.#import(plug);
    // It may have said something else once, and only once: strings that were read while the device answered with garbage. Where it was unplugged
    // meanwhile, another import would end that of whatever is plugged in there now.
    if (!isSame(enumerated, imported) && this.#isPluggedIn(plug, enumerated)) {
      imported.stream.close();
      imported = await this.#import(plug);
    }
    const { stream: descriptor, ...fresh } = imported;
    if (!isSame(enumerated, fresh)) {
      descriptor.close();
      this.#replug(plug, enumerated, fresh);
      throw new DeviceError("disconnected", `open port ${plug.port}: another device is plugged in there now`);
    }
    const { busNumber, deviceNumber } = fresh.info;
    const devid = ((busNumber << 16) | deviceNumber) >>> 0; // usbip_protocol.rst, "devid"
    return { terms: grantTerms(fresh.info, number, "usbip", devid), descriptor, taken: false };
  }

  #isPluggedIn(plug: Plug, enumerated: Enumerated): boolean {
    return this.#plugs.get(plug.port) === plug && plug.enumerated === enumerated;
  }

  /** Nobody told of an unplugging: whether what is there now may have the requests of what was is for a new enumeration to decide. */
  #replug(plug: Plug, before: Enumerated, now: Enumerated): void {
    if (!this.#isPluggedIn(plug, before)) return; // detached, or replugged by another interface
    for (const id of plug.ids) this.#removed(id);
    const devices = this.#devices(plug, now).filter(({ id }) => !this.#isPresent(id));
    this.#plugIn(plug, now, devices);
  }
}

function isSame(before: Enumerated, now: Enumerated): boolean {
  return before.serverPid === now.serverPid && looksTheSame(before.info, now.info);
}

function recordOf({ port, socket, busid }: Plug, { info, serverPid }: Enumerated): PlugRecord {
  const { busNumber, deviceNumber, speed, configurationValue } = info;
  const { manufacturer = null, product = null, serial = null } = info.strings;
  const descriptors = Buffer.from(info.descriptors.bytes).toString("base64");
  const strings = { manufacturer, product, serial };
  return {
    port,
    socket,
    busid,
    serverPid,
    busNumber,
    deviceNumber,
    speed,
    configurationValue,
    descriptors,
    strings,
  };
}

function enumeratedOf(record: PlugRecord): Enumerated {
  const { port, serverPid, busNumber, deviceNumber, speed, configurationValue } = record;
  const descriptors = parseDescriptors(Buffer.from(record.descriptors, "base64"));
  const { manufacturer, product, serial } = record.strings;
  const info = {
    port,
    busNumber,
    deviceNumber,
    speed,
    configurationValue,
    descriptors,
    strings: {
      manufacturer: manufacturer ?? undefined,
      product: product ?? undefined,
      serial: serial ?? undefined,
    },
    interfaces: describedInterfaces(descriptors, configurationValue, port),
  };
  return { info, serverPid };
}
