// Runs in: manager. Owns: the names of this machine's HID devices that are no part of a USB interface: on Bluetooth, on I2C, made by a program (uhid).
// The others are met as their interface, on the usb bus, whole: a device is offered once.

import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import {
  type HidDeviceInfo,
  hidDeviceNames,
  readHidDevice,
  readHidDevices,
} from "@ring3/kernel/hidraw/enumerate";
import { openHidrawGrant, revokerOf } from "@ring3/kernel/hidraw/grant";
import { type Opener, openersOf } from "@ring3/kernel/usbfs/openers";
import type { BusDevice, Grant, Holder } from "./bus.ts";
import { factsOf, grantTerms, hidId, identityOf, permissionsOf } from "./hid-device.ts";
import type { Found } from "./kernel-bus.ts";
import type { TakenHid } from "./taken-hid.ts";

/** Of the kernel's announcements, those after which a look may find something else. */
export const HID_SUBSYSTEMS = ["hid", "hidraw", "input"];

export class HidDevices {
  readonly #log: Log;
  readonly #taken: TakenHid;
  readonly #sysfs: string;
  readonly #openers: typeof openersOf;
  /** By the kernel's names: a device keeps its id for as long as it is there. */
  #ids = new Map<string, string>();

  constructor(log: Log, taken: TakenHid, sysfs = "/sys", openers = openersOf) {
    this.#log = log;
    this.#taken = taken;
    this.#sysfs = sysfs;
    this.#openers = openers;
  }

  find(): readonly Found[] {
    const refused = (name: string, error: DeviceError) =>
      this.#log.warn(`HID device ${name} left out: ${error.message}`);
    const infos = readHidDevices(this.#sysfs, refused).filter(({ isOnUsb }) => !isOnUsb);
    this.#taken.keep(new Set(hidDeviceNames(this.#sysfs))); // one that cannot be read just now is there all the same
    for (const info of infos) this.#silenceMore(info);
    this.#name(infos);
    return infos.map((info) => {
      const id = this.#ids.get(info.kernelName)!;
      const bound = info.driver !== undefined && info.node !== undefined; // the kernel has a driver for it before it has its node
      return { id, plugging: info.kernelName, bound, describe: () => this.#busDevice(id, info) };
    });
  }

  /** The kernel may make further input devices of a device, or all of them anew for another driver of its own. */
  #silenceMore({ kernelName, inputs, node }: HidDeviceInfo): void {
    if (!this.#taken.has(kernelName)) return;
    try {
      this.#taken.take(kernelName, inputs, node);
    } catch (error) {
      this.#log.error((error as Error).message);
    }
  }

  /** Devices that nothing tells apart are numbered, as they were found. */
  #name(infos: readonly HidDeviceInfo[]): void {
    const ids = new Map<string, string>();
    const known = ({ kernelName }: HidDeviceInfo) => this.#ids.get(kernelName);
    for (const info of infos.filter(known)) ids.set(info.kernelName, known(info)!);
    const given = new Set(ids.values());
    for (const info of infos.filter((each) => known(each) === undefined)) {
      const own = hidId(info);
      let id = own;
      for (let number = 2; given.has(id); number++) id = `${own}_${number}`;
      given.add(id);
      ids.set(info.kernelName, id);
    }
    this.#ids = ids;
  }

  #busDevice(id: string, found: HidDeviceInfo): BusDevice {
    const { kernelName } = found;
    let mayTake = false;
    const now = (): HidDeviceInfo => {
      const info = readHidDevice(this.#sysfs, kernelName);
      if (info instanceof DeviceError) throw info;
      return info;
    };
    /** What does not fail where it has gone meanwhile. */
    const seen = (): HidDeviceInfo | undefined => {
      const info = readHidDevice(this.#sysfs, kernelName);
      return info instanceof DeviceError ? undefined : info;
    };
    const kernelDriver = () => (this.#taken.has(kernelName) ? null : (seen()?.driver ?? null));
    /** Processes that had its node open when it was looked at last. */
    let known: readonly number[] = [];
    const holders = (wanted?: "one") => {
      const { node } = seen() ?? {};
      if (node === undefined) return [];
      const still = wanted === "one" ? this.#openers([node], known) : [];
      const found = still.length > 0 ? still : this.#openers([node]);
      known = found.map(({ pid }) => pid);
      return found.map(holderOf);
    };
    return {
      id,
      bus: "hid",
      transport: "hidraw",
      identity: identityOf(found),
      name: found.name,
      facts: factsOf(found),
      plugging: kernelName,
      isShared: true,
      kernelDriver,
      holders,
      permissions: () => permissionsOf(seen() ?? found),
      allowTaking() {
        mayTake = true;
      },
      get takeable() {
        return mayTake;
      },
      withheld: () => kernelDriver() !== null && (!mayTake || holders("one").length > 0),
      lostClaim: () => undefined, // whoever has the node open has it until the device is away
      open: async () => this.#open(id, now(), mayTake, holders),
      giveBack: () => {
        this.#taken.giveBack(kernelName);
        return kernelDriver();
      },
    };
  }

  /** Its last driver is dead: whoever has the node open is another. It is taken before they are looked for, so that nobody comes meanwhile. */
  #open(id: string, info: HidDeviceInfo, mayTake: boolean, holders: BusDevice["holders"]): Grant {
    const what = `open ${id}`;
    const { kernelName, driver, inputs, node } = info;
    const isOurs = this.#taken.has(kernelName);
    if (!isOurs && driver !== undefined && !mayTake)
      throw new DeviceError(
        "busy",
        `${what}: the kernel driver ${driver} holds it; take it with: ring3 start ${id} --take`,
      );
    this.#taken.take(kernelName, inputs, node);
    try {
      const [holder] = holders("one");
      if (holder !== undefined)
        throw new DeviceError("busy", `${what}: ${holder.node} is ${holder.how} ${holder.where}`);
      const descriptor = openHidrawGrant(info);
      return { terms: grantTerms(info), descriptor, taken: true, revoke: revokerOf(descriptor) };
    } catch (error) {
      if (!isOurs) this.#taken.giveBack(kernelName);
      throw error;
    }
  }
}

/** A program that has the node open drives the device itself, perhaps; one that reads what the kernel makes of it is there with every keyboard. */
const holderOf = ({ node, pid, name }: Opener): Holder => ({
  node,
  how: "open",
  where: `process ${pid}, ${name}`,
});
