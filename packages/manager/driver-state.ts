// Runs in: manager. Owns: whose state lies in a device's memory: a driver finds its own there, and nobody else's.
import type { DeviceMemory } from "@ring3/channel/device-memory";
import type { Manifest } from "@ring3/control/manifest";
import type { KeptStates, Place } from "./kept-states.ts";

export class DriverState {
  readonly #memory: DeviceMemory;
  readonly #kept: KeptStates;
  #owner: Manifest | undefined;

  constructor(memory: DeviceMemory, kept: KeptStates) {
    this.#memory = memory;
    this.#kept = kept;
  }

  /** An earlier manager has left it with its driver's state in it. */
  inherit(owner: Manifest): void {
    this.#owner = owner;
  }

  /** Before a driver is started; the last one is fenced. */
  begin(driver: Manifest, device: Place): void {
    if (this.#owner?.name === driver.name) return;
    this.keep(device);
    this.drop();
    const bytes = this.#kept.take(device, driver.name);
    if (bytes !== undefined) this.#memory.putState(bytes);
    this.#owner = driver;
  }

  /** The device has gone, or another driver comes; the last one is fenced. */
  keep(device: Place): void {
    if (this.#owner?.stateOutlives === "unplugging")
      this.#kept.keep(device, this.#owner.name, this.#memory.takeState());
  }

  /** Nobody's is in there any more. */
  drop(): void {
    this.#owner = undefined;
    this.#memory.dropState();
  }
}
