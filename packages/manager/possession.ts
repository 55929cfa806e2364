// Runs in: manager. Owns: the place that a device is plugged into, and whether ring3 has it from the kernel's driver, until that has it back.

import type { FailureReason } from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import type { BusDevice } from "./bus.ts";

export class Possession {
  #bus: BusDevice;
  readonly #log: Log;
  #taken = false;

  constructor(bus: BusDevice, log: Log) {
    this.#bus = bus;
    this.#log = log;
  }

  get bus(): BusDevice {
    return this.#bus;
  }

  /** The kernel's drivers have not been offered it since ring3 opened it. */
  get taken(): boolean {
    return this.#taken;
  }

  take(): void {
    this.#taken = true;
  }

  /** An earlier manager has taken it, or has not. */
  inherit(taken: boolean): void {
    this.#taken = taken;
  }

  /** Unplugged: nothing is left to give back. */
  gone(): void {
    this.#taken = false;
  }

  /** The place has a device again. */
  returned(bus: BusDevice): void {
    this.#bus = bus;
  }

  giveBack(): void {
    if (!this.#taken) return;
    this.#taken = false;
    try {
      const driver = this.#bus.giveBack();
      if (driver !== null) this.#log.info(`given back to the kernel's driver ${driver}`);
    } catch (error) {
      this.#log.warn(`not given back to the kernel's driver: ${(error as Error).message}`);
    }
  }

  /** Why it is not ring3's any more, though its driver has it open, if so. It may be taken again: it was ring3's until then. */
  lost(): FailureReason | undefined {
    const text = this.#bus.lostClaim();
    if (text === undefined) return undefined;
    this.#bus.allowTaking();
    return { kind: "grant", text, outside: true };
  }
}
