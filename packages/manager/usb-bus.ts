// Runs in: manager. Owns: the USB interfaces of this machine's kernel: found in sysfs, followed by uevents.

import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import { watchUevents } from "@ring3/kernel/uevent/uevent";
import type { UsbDeviceInfo, UsbInterfaceInfo } from "@ring3/kernel/usb/device-info";
import { readUsbDevice, readUsbDevices } from "@ring3/kernel/usbfs/enumerate";
import { giveBack, openGrant, usbfsNodePath } from "@ring3/kernel/usbfs/grant";
import { holdersOf } from "@ring3/kernel/usbfs/in-use";
import { openersOf } from "@ring3/kernel/usbfs/openers";
import type { BusDevice } from "./bus.ts";
import { factsOf, grantTerms, identityOf, lostClaim, nameOf, USBFS } from "./usb-device.ts";

const SYSFS = "/sys";
/** After a plugging the kernel's own drivers get this long to bind: what they want is not taken from under them. */
const SETTLE_MS = 1000;

export class UsbBus {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settleMs: number;
  readonly #inherited: (id: string) => boolean;
  readonly #added: (device: BusDevice) => void;
  readonly #removed: (id: string) => void;
  readonly #settled: () => void;
  /** By id: which enumeration of the device was announced. */
  readonly #known = new Map<string, string>();
  #settling: Timer | undefined;

  /** `inherited`: a manager before this one has had the device of that id. */
  constructor(
    clock: Clock,
    log: Log,
    timeScale: number,
    inherited: (id: string) => boolean,
    added: (device: BusDevice) => void,
    removed: (id: string) => void,
    settled: () => void,
  ) {
    this.#clock = clock;
    this.#inherited = inherited;
    this.#log = log;
    this.#settleMs = SETTLE_MS * timeScale;
    this.#added = added;
    this.#removed = removed;
    this.#settled = settled;
  }

  start(): void {
    const watch = watchUevents(
      ({ subsystem }) => {
        if (subsystem === "usb") this.#changed();
      },
      () => this.#changed(),
    );
    watch.ref(false);
    this.#changed(); // a kernel that has just been started, or was given devices back, is about to bind its drivers
  }

  #changed(): void {
    this.#scan(false);
    this.#settling?.cancel();
    this.#settling = this.#clock.after(this.#settleMs, () => {
      this.#scan(true);
      this.#settled();
    });
  }

  /** What is gone is told at once, and so is what a driver has bound; what none has only once the bus has settled, unless it was known before. */
  #scan(settled: boolean): void {
    const found = new Map(this.#interfaces().map((entry) => [entry.id, entry]));
    for (const [id, enumeration] of this.#known) {
      if (found.get(id)?.enumeration === enumeration) continue;
      this.#known.delete(id);
      this.#removed(id);
    }
    for (const { id, enumeration, info, number, driver } of found.values()) {
      if (this.#known.has(id) || (driver === undefined && !settled && !this.#inherited(id))) continue;
      this.#known.set(id, enumeration);
      const device = this.#described(id, info, number);
      if (device !== undefined) this.#added(device);
    }
  }

  /** A device that lies about itself is left out until it is enumerated again; the others are not. */
  #described(id: string, info: UsbDeviceInfo, number: number): BusDevice | undefined {
    try {
      return busDevice(id, info, number);
    } catch (error) {
      this.#log.warn(`${id} left out: ${(error as Error).message}`);
      return undefined;
    }
  }

  #interfaces(): (UsbInterfaceInfo & { enumeration: string; info: UsbDeviceInfo })[] {
    return readUsbDevices(SYSFS, (port, error) =>
      this.#log.warn(`USB device ${port} left out: ${error.message}`),
    ).flatMap((info) =>
      info.interfaces.map((entry) => ({
        ...entry,
        info,
        enumeration: pluggingOf(info),
      })),
    );
  }
}

/** The kernel counts device numbers up at each enumeration. */
const pluggingOf = (info: UsbDeviceInfo) => `${info.busNumber}/${info.deviceNumber}`;

/** Who may be the one: the kernel does not say whose claim it is. */
const programs = (node: string) =>
  openersOf([node])
    .map(({ pid, name }) => `process ${pid}, ${name}`)
    .join("; ");

function busDevice(id: string, info: UsbDeviceInfo, number: number): BusDevice {
  let mayTake = false;
  const kernelDriver = () => {
    const now = readUsbDevice(SYSFS, info.port);
    if (now instanceof DeviceError) return null;
    return now.interfaces.find((entry) => entry.number === number)?.driver ?? null;
  };
  const holders = () =>
    kernelDriver() === USBFS
      ? [{ node: usbfsNodePath(info), how: "claimed by a program", where: programs(usbfsNodePath(info)) }]
      : holdersOf(SYSFS, id);
  const withheld = () => kernelDriver() === USBFS || (kernelDriver() !== null && !mayTake);
  return {
    id,
    bus: "usb",
    transport: "usbfs",
    identity: identityOf(info),
    name: nameOf(info),
    facts: factsOf(info, number),
    kernelDriver,
    holders,
    allowTaking() {
      mayTake = true;
    },
    withheld,
    lostClaim: () => lostClaim(kernelDriver()),
    open: async () => {
      const [holder] = kernelDriver() === null ? [] : holders();
      if (holder !== undefined)
        throw new DeviceError("busy", `open ${id}: ${holder.node} is ${holder.how} ${holder.where}`.trim());
      const descriptor = openGrant(info, [number], { detach: mayTake });
      return { terms: grantTerms(info, number, "usbfs", 0), descriptor, taken: true };
    },
    get takeable() {
      return mayTake;
    },
    plugging: pluggingOf(info),
    giveBack: () => giveBack(info, number) ?? null,
  };
}
