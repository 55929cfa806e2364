// Runs in: manager. Owns: whose state lies in a device's memory: a driver finds its own there, and nobody else's.
import type { DeviceMemory } from "@ring3/channel/device-memory";
import type { Manifest } from "@ring3/control/manifest";
import type { KeptState } from "./kept-states.ts";

export class DriverState {
  readonly #memory: DeviceMemory;
  /** The driver's name. */
  #owner: string | undefined;

  constructor(memory: DeviceMemory) {
    this.#memory = memory;
  }

  /** An earlier manager has left it with its driver's state in it. */
  inherit({ name }: Manifest): void {
    this.#owner = name;
  }

  /** Before a driver is started; the last one is fenced. */
  belongsTo({ name }: Manifest): void {
    if (this.#owner !== name) this.#memory.dropState();
    this.#owner = name;
  }

  /** What the driver has kept for when its device is plugged in again. Ask once it is fenced. */
  kept({ name, stateOutlives }: Manifest): KeptState | undefined {
    if (stateOutlives !== "unplugging" || name !== this.#owner) return undefined;
    return { driver: name, bytes: this.#memory.takeState() };
  }

  /** A driver has kept it before the device was unplugged, here or elsewhere. */
  bring({ driver, bytes }: KeptState): void {
    this.#owner = driver;
    this.#memory.putState(bytes);
  }
}
