// Runs in: manager. Owns: all devices, which driver each gets, and what clients may do with them.

import type { DeviceMemory } from "@ring3/channel/device-memory";
import type { Config } from "@ring3/control/config";
import { identityText } from "@ring3/control/fields";
import type { HostUnit } from "@ring3/control/host-edge";
import type { Step } from "@ring3/control/observation";
import { aliasOf, takeRuleFor } from "@ring3/control/rules";
import { fitting, type Named, resolveDevice } from "@ring3/control/selector";
import type { Clock, Random, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { LogEntry } from "@ring3/core/log";
import { createLog, type Log } from "@ring3/core/log";
import type { BusDevice } from "./bus.ts";
import { Claims } from "./claims.ts";
import { lowestFree } from "./class-number.ts";
import type { Crash } from "./crash-report.ts";
import { Device } from "./device.ts";
import { type DeviceObserver, type Loss, lossOf } from "./device-observer.ts";
import { DriverState } from "./driver-state.ts";
import { type ChosenDriver, chooseDriver, type InstalledDriver } from "./drivers.ts";
import type { Estate } from "./estate.ts";
import type { EventLog } from "./event-log.ts";
import type { HostKind, StartHost } from "./host-process.ts";
import { hasDriver, inUse, ownerOf } from "./in-use.ts";
import { KeptStates } from "./kept-states.ts";
import type { Legacy } from "./legacy.ts";
import { OnceFree } from "./once-free.ts";
import { placed } from "./placement.ts";
import { USBFS } from "./usb-device.ts";

/** No device is plugged in more often while one manager lives; so an enumeration's number is never that of another at an earlier one. */
const ENUMERATIONS = 2 ** 20;

export interface ManagerParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly eventLog: EventLog;
  readonly startHost: StartHost;
  readonly expectHost: (kind: HostKind) => boolean;
  readonly drivers: (log: Log) => readonly InstalledDriver[];
  readonly sandboxed: boolean;
  readonly legacy: Legacy;
  /** How many managers there were before; none unless said. */
  readonly number?: number;
  readonly crashed: (crash: Crash) => void;
  /** What this machine lacks to start any driver. */
  readonly lacks?: () => readonly string[];
}

/** Who wants to hear of units and devices. */
export interface Watcher {
  unitAdded(device: Device, unit: HostUnit): void;
  unitChanged(device: Device, unit: HostUnit): void;
  unitRemoved(device: Device, unit: HostUnit, reason: string): void;
  deviceChanged(): void;
  stepped?(device: Device, step: Step): void;
}

export class Manager {
  readonly claims: Claims;
  readonly config: Config;
  readonly log: Log;
  readonly eventLog: EventLog;
  readonly #parts: ManagerParts;
  readonly #devices = new Map<string, Device>();
  readonly #watchers = new Set<Watcher>();
  /** What is plugged in now. */
  readonly #present = new Map<string, BusDevice>();
  /** Unplugged devices whose clients wait for them to come back. */
  readonly #graces = new Map<string, Timer>();
  readonly #keptStates = new KeptStates(() => [...this.#present.values()]);
  readonly #onceFree: OnceFree;
  #drivers: readonly InstalledDriver[];
  #estate: Estate | undefined;

  constructor(parts: ManagerParts) {
    this.#parts = parts;
    this.claims = new Claims(parts.legacy);
    this.config = parts.config;
    this.eventLog = parts.eventLog;
    this.log = createLog("manager", (entry: LogEntry) => parts.eventLog.add(entry), parts.clock);
    this.#onceFree = new OnceFree(parts.clock, () => this.devices);
    this.#drivers = placed(parts.drivers(this.log), parts.config.placement, this.log);
  }

  get devices(): readonly Device[] {
    return [...this.#devices.values()];
  }

  get lacks(): readonly string[] {
    return this.#parts.lacks?.() ?? [];
  }

  get drivers(): readonly InstalledDriver[] {
    return this.#drivers;
  }

  /** Applications meet a unit elsewhere, or not any more. */
  endpointsChanged(): void {
    this.#tellChanged();
  }

  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  alias(device: Device): string | null {
    return aliasOf(this.config, named(device, null));
  }

  named(device: Device): Named {
    return named(device, this.alias(device));
  }

  /** The one device that a person means, of those that the person may know of. */
  resolve(wanted: string, known: readonly Device[] = this.devices): Device {
    return resolveDevice(wanted, this.#rows(known)).device;
  }

  /** The same, undefined where none fits; throws where several do. */
  find(wanted: string, known: readonly Device[] = this.devices): Device | undefined {
    return fitting(wanted, this.#rows(known)).length === 0 ? undefined : this.resolve(wanted, known);
  }

  #rows(known: readonly Device[]) {
    return known.map((device) => ({ id: device.id, alias: this.alias(device), device }));
  }

  /** What an earlier manager has left: devices that the buses tell of are taken from there. */
  goOnWith(estate: Estate): void {
    this.#estate = estate;
    estate.lost = (device, memory) => {
      const owner = this.#drivers.find(({ manifest }) => manifest.name === device.driver?.name);
      if (owner === undefined) return;
      const state = new DriverState(memory, this.#keptStates);
      state.inherit(owner.manifest);
      state.keep(device);
    };
  }

  /** An earlier manager has left the device of that id, and no bus has told of it yet. */
  isInherited(id: string): boolean {
    return this.#estate?.hasDevice(id) ?? false;
  }

  /** Whether a device is plugged in there. */
  isPresent(id: string): boolean {
    return this.#present.has(id);
  }

  /** A bus has found a device. One that comes back is started once its last driver is fenced. */
  async added(bus: BusDevice): Promise<void> {
    try {
      await this.#add(bus);
    } catch (error) {
      this.log.error(`${bus.id} left out: ${(error as Error).message}`);
    }
  }

  async #add(bus: BusDevice): Promise<void> {
    if (this.#present.has(bus.id))
      throw new DeviceError("busy", `${bus.name}: another device has that place already`);
    this.#present.set(bus.id, bus);
    const before = this.#devices.get(bus.id);
    const known = before ?? this.#inherit(bus);
    if (before === undefined && known !== undefined && known.life.state !== "gone") return;
    this.#graces.get(bus.id)?.cancel();
    this.#graces.delete(bus.id);
    if (known !== undefined) {
      if (!known.life.fenced) this.log.info(`${bus.id} is back; its last driver is to end first`);
      await known.fenced;
      if (this.#present.get(bus.id) !== bus || !known.life.fenced) return; // it went again
      if (before === undefined) known.keepState(); // it was unplugged while another manager was there
    }
    const fence = this.#estate?.fence(bus.id);
    if (fence !== undefined) {
      await fence;
      if (this.#present.get(bus.id) !== bus) return; // it went again
    }
    if (known !== undefined && identityText(known.bus.identity) === identityText(bus.identity))
      known.returned(bus);
    else {
      if (known !== undefined) this.#forget(known, "another device was plugged in there");
      this.#devices.set(bus.id, this.#createDevice(bus));
    }
    this.log.info(`found ${bus.id}: ${bus.name} (${identityText(bus.identity)})`);
    this.#match(this.#devices.get(bus.id)!);
  }

  /** Goes on with what an earlier manager has left of it, if it is that still. One that had gone is there again now. */
  #inherit(bus: BusDevice): Device | undefined {
    if (!this.isInherited(bus.id)) return undefined;
    const left = this.#estate!.take(bus, (declined) => this.#driverFor(bus, declined));
    if (left === undefined) return undefined;
    const { record, memory, driver, host } = left;
    const device = this.#createDevice(bus, memory);
    this.#devices.set(bus.id, device);
    if (record.takeable) bus.allowTaking();
    this.log.info(
      `${bus.id} is taken over: ${bus.name} (${identityText(bus.identity)}), ${record.life.state}`,
    );
    if (driver === undefined) {
      device.inheritDeclined(record.declined);
      this.#match(device);
    } else device.inherit(record, driver, host);
    this.#onceFree.look();
    return device;
  }

  #createDevice(bus: BusDevice, memory?: DeviceMemory): Device {
    const {
      clock,
      random,
      startHost,
      expectHost,
      config,
      sandboxed,
      crashed,
      legacy,
      number = 0,
    } = this.#parts;
    const parts = {
      firstEnumeration: number * ENUMERATIONS + 1,
      clock,
      random,
      log: this.log,
      startHost,
      expectHost,
      observer: this.#observer,
      sandboxed,
      crashed,
      legacy,
      ordinalFor: (device: Device) => this.#ordinalFor(device),
      keptStates: this.#keptStates,
      timeScale: config.limits.time_scale,
    };
    return new Device(bus, parts, memory);
  }

  /** Its own, or the lowest, if no other of its class has it. One that may be none of its class takes a number from nobody. */
  #ordinalFor(device: Device): number {
    const { class: className } = device.driver!.manifest;
    const counts = (other: Device) => other !== device && (device.isGuess || !other.isGuess);
    const others = this.devices.filter(
      (other) => other.driver?.manifest.class === className && counts(other),
    );
    const taken = new Set(others.map(({ ordinal }) => ordinal));
    return device.ordinal !== null && !taken.has(device.ordinal) ? device.ordinal : lowestFree(taken);
  }

  #match(device: Device): void {
    const driver = this.#driverFor(device.bus, device.declined);
    device.matched(driver, driver !== undefined && this.#mayTake(device));
  }

  /** Beside those that have declined it. None where two have the same claim to it, which is said. */
  #driverFor(bus: BusDevice, declined: Pick<ReadonlySet<string>, "has">): ChosenDriver | undefined {
    try {
      const willing = this.#drivers.filter(({ manifest }) => !declined.has(manifest.name));
      return chooseDriver(bus.facts, willing);
    } catch (error) {
      this.log.error((error as Error).message);
      return undefined;
    }
  }

  /** Unasked, ring3 takes what nobody has, and from the kernel's drivers what a rule names while nobody uses it. */
  #mayTake(device: Device): boolean {
    const ruled = takeRuleFor(this.config, this.named(device)) !== undefined;
    if (ruled) device.bus.allowTaking();
    if (device.bus.kernelDriver() === null) return true;
    if (!ruled) return false;
    const used = inUse(device);
    if (used === undefined) return true;
    this.log.child(device.id).warn(`not taken: ${used}`);
    return false;
  }

  /** A bus has lost a device. Its clients wait a while for it to come back. */
  async removed(id: string): Promise<void> {
    const device = this.#devices.get(id);
    if (!this.#present.delete(id) || device === undefined) return;
    this.log.info(`unplugged ${id}`);
    device.gone();
    await device.fenced;
    if (device.life.fenced) device.keepState();
    if (this.#present.has(id) || this.#devices.get(id) !== device || !device.life.fenced) return;
    this.#graces.get(id)?.cancel();
    const grace = this.#parts.clock.after(this.config.limits.replug_grace, () =>
      this.#forget(device, "unplugged"),
    );
    this.#graces.set(id, grace);
  }

  #forget(device: Device, reason: string): void {
    this.#graces.delete(device.id);
    this.#devices.delete(device.id);
    this.claims.lost(device, lossOf(reason));
    for (const unit of device.units) this.#tellRemoved(device, unit, reason);
    device.close();
    this.#tellChanged();
  }

  /** Asked for by a person. Throws where the device cannot be had, and says why. */
  start(device: Device, take: boolean): void {
    const what = `start ${device.id}`;
    if (device.driver === undefined)
      throw new DeviceError("unsupported", `${what}: no driver matches it; see: ring3 explain ${device.id}`);
    const holder = ownerOf(device);
    if (holder !== null && !hasDriver(device)) {
      if (!take && holder !== USBFS)
        throw new DeviceError(
          "busy",
          `${what}: the kernel's driver ${holder} has it; take it with: ring3 start ${device.id} --take`,
        );
      const used = inUse(device);
      if (used !== undefined) throw new DeviceError("busy", `${what}: ${used}`);
    }
    if (take) device.bus.allowTaking();
    device.start();
  }

  /** Asked for by a person. A device without a driver is started, unless it would have to be taken; what was given back with a quarantine was taken before. */
  restart(device: Device): void {
    if (hasDriver(device)) device.restart();
    else this.start(device, device.life.state === "quarantined" && device.bus.takeable);
  }

  /** A bus has settled: whoever has reset it may have taken devices from ring3. */
  checkClaims(): void {
    for (const device of this.devices) device.checkClaim();
  }

  /** Ends all drivers in order and gives the devices back. */
  async stopAll(): Promise<void> {
    for (const grace of this.#graces.values()) grace.cancel();
    this.#onceFree.close();
    await Promise.all(this.devices.map((device) => device.stop()));
  }

  readonly #observer: DeviceObserver = {
    changed: () => {
      this.#onceFree.look();
      this.#tellChanged();
    },
    stepped: (device, step) => {
      for (const watcher of this.#watchers) watcher.stepped?.(device, step);
    },
    declined: (device) => this.#driverFor(device.bus, device.declined),
    ready: (device) => {
      for (const unit of device.units) this.#tellUnit(device, unit);
      this.claims.ready(device);
    },
    lost: (device, loss: Loss) => {
      const units = device.units;
      this.claims.lost(device, loss);
      if (loss.final) for (const unit of units) this.#tellRemoved(device, unit, loss.text);
    },
    held: (device, held) => this.claims.held(device, held),
    stuck: (device) => this.claims.stuck(device),
    inherited: (device, channels) => this.claims.reconcile(device, channels),
    unitVanished: (device, unit) => {
      const text = "the driver does not find it any more";
      this.claims.lost(device, lossOf(text), unit.index);
      this.#tellRemoved(device, unit, text);
    },
    unitChanged: (device, unit) => {
      for (const watcher of this.#watchers) watcher.unitChanged(device, unit);
    },
  };

  #tellUnit(device: Device, unit: HostUnit): void {
    for (const watcher of this.#watchers) watcher.unitAdded(device, unit);
  }

  #tellRemoved(device: Device, unit: HostUnit, reason: string): void {
    for (const watcher of this.#watchers) watcher.unitRemoved(device, unit, reason);
  }

  #tellChanged(): void {
    for (const watcher of this.#watchers) watcher.deviceChanged();
  }
}

function named(device: Device, alias: string | null): Named {
  const { vendor, product, serial } = device.bus.identity;
  return { id: device.id, alias, usb: `${vendor}:${product}`, serial };
}
