// Runs in: manager. Owns: what a manager that died has left, until it is somebody's again or ended: devices, their hosts, spares, memory.

import { DeviceMemory } from "@ring3/channel/device-memory";
import { identityText } from "@ring3/control/fields";
import { type DeviceRecord, isOfKind } from "@ring3/control/legacy";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { pidfdOf } from "@ring3/kernel/process/pidfd";
import type { BusDevice } from "./bus.ts";
import type { ChosenDriver } from "./drivers.ts";
import type { LeftHost } from "./host-process.ts";
import type { Heirloom, Inherited, Left, Legacy } from "./legacy.ts";
import { nobody } from "./seat.ts";

const SIGKILL = 9;

/** A device as it was left, for who goes on with it. */
export interface LeftDevice {
  readonly record: DeviceRecord;
  readonly memory: DeviceMemory;
  readonly driver: ChosenDriver | undefined;
  readonly host: LeftHost | undefined;
}

export class Estate {
  readonly #legacy: Legacy;
  readonly #removeMs: number;
  readonly #devices: Map<string, Heirloom<"device">>;
  /** By the names of their records: hosts, and seats in shared ones. */
  readonly #hosts: Map<string, LeftHost>;
  /** What is to become of the memory of one that nobody goes on with, once its driver is fenced. */
  lost: (record: DeviceRecord, memory: DeviceMemory) => void = () => {};
  /** Of devices whose host was ended here. */
  readonly #fences = new Map<string, Promise<void>>();

  /** `removeMs`: what a driver gets to leave others in its process behind. */
  constructor(
    devices: Left["devices"],
    hosts: ReadonlyMap<string, LeftHost>,
    legacy: Legacy,
    removeMs: number,
  ) {
    this.#legacy = legacy;
    this.#removeMs = removeMs;
    this.#devices = new Map(devices.map((device) => [device.record.id, device]));
    this.#hosts = new Map(hosts);
  }

  hasDevice(id: string): boolean {
    return this.#devices.has(id);
  }

  /**
   * What was left of the device that is there now: undefined where nothing was, or nothing that its driver could go on with. Then `fence`
   * tells when it is ended. `choose`: the driver for it, beside those that have declined it.
   */
  take(
    bus: BusDevice,
    choose: (declined: ReadonlySet<string>) => ChosenDriver | undefined,
  ): LeftDevice | undefined {
    const left = this.#devices.get(bus.id);
    if (left === undefined) return undefined;
    const { record, held } = left;
    const driver = choose(new Set(Object.keys(record.declined)));
    const same =
      record.plugging === bus.plugging &&
      identityText(record.identity) === identityText(bus.identity) &&
      record.driver?.name === driver?.manifest.name &&
      record.driver?.hash === driver?.contract.hash;
    if (!same) {
      this.#end(left);
      return undefined;
    }
    this.#devices.delete(bus.id);
    const host = this.#hosts.get(record.host ?? "");
    this.#hosts.delete(record.host ?? "");
    return { record, memory: new DeviceMemory(held[0]!), driver, host };
  }

  /** Resolves once no process of the device's earlier driver lives; undefined where none was ended here. */
  fence(id: string): Promise<void> | undefined {
    return this.#fences.get(id);
  }

  /**
   * The buses have told what is there, and nobody will ask for the rest. Resolves once no process of it lives that had a device: what its
   * clients are told then, that it does nothing more for them, is true. Rejects where that is not proven in time, `withinMs` from when it is killed.
   */
  async endRest(withinMs: number, clock: Clock): Promise<void> {
    for (const left of [...this.#devices.values()]) this.#end(left);
    for (const spare of this.#hosts.values()) void this.#discard(spare);
    this.#hosts.clear();
    await inTime(Promise.all(this.#fences.values()), this.#removeMs + withinMs, clock);
  }

  /** Nobody wants it. Those who share its process are left alone, unless it does not leave them. */
  async #discard(left: LeftHost): Promise<void> {
    const host = left.adopt(nobody);
    if (host.shared) await host.remove("keep", this.#removeMs).catch(() => {});
    host.kill("is nobody's any more, and did not leave");
  }

  #end({ name, record, held }: Heirloom<"device">): void {
    this.#devices.delete(record.id);
    const ended = () => {
      this.#tellLost(record, held[0]!);
      this.#legacy.drop(name);
    };
    const host = this.#hosts.get(record.host ?? "");
    if (host === undefined) return ended();
    this.#hosts.delete(record.host ?? "");
    // Until then a next manager has to know that this host has the device.
    const fence = host.fenced.then(ended);
    this.#fences.set(record.id, fence);
    void this.#discard(host);
  }

  #tellLost(record: DeviceRecord, descriptor: Descriptor): void {
    try {
      this.lost(record, new DeviceMemory(descriptor));
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error; // it is no such memory
    } finally {
      descriptor.close();
    }
  }
}

/**
 * For who does not trust what was left: ends every process of it, by pidfd where a host's record has one, and drops all but the records of
 * `keep`. Rejects where the end of one is not proven in time.
 */
export async function endAll(
  { records }: Inherited,
  legacy: Legacy,
  keep: readonly string[],
  withinMs: number,
  clock: Clock,
): Promise<void> {
  const ends = records
    .filter(({ name, held }) => isOfKind("host", name) && held.length > 0)
    .map(async ({ name, held }) => {
      for (const descriptor of held.slice(1)) descriptor.close();
      const init = pidfdOf(held[0]!, 0);
      init.signal(SIGKILL);
      await init.exited;
      init.close();
      legacy.drop(name);
    });
  await inTime(Promise.all(ends), withinMs, clock); // until then a next manager has to know which host has which device
  for (const { name, held } of records) {
    if (keep.includes(name) || isOfKind("host", name)) continue;
    for (const descriptor of held) descriptor.close();
    legacy.drop(name);
  }
}

async function inTime(ends: Promise<unknown>, withinMs: number, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(withinMs, () =>
    late.reject(new DeviceError("timeout", "end the drivers that a manager that died has left")),
  );
  await Promise.race([late.promise, ends]).finally(() => timer.cancel());
}
