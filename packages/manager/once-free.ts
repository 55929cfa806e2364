// Runs in: manager. Owns: the look at devices that ring3 may take and somebody uses: each is started once nobody does any more.

import type { Clock, Timer } from "@ring3/core/clock";
import type { Device } from "./device.ts";
import { holdersOf } from "./in-use.ts";

/** The kernel does not tell when a node is closed. */
const LOOK_MS = 2000;

/** Programs that look for controllers open each that is plugged in, some for a moment. A disk is not waited for: who unmounts one is about to do something with it. */
export function isWaitedFor({ life, bus }: Device): boolean {
  return life.state === "available" && bus.isShared && bus.takeable;
}

export class OnceFree {
  readonly #clock: Clock;
  readonly #devices: () => readonly Device[];
  #timer: Timer | undefined;
  #closed = false;

  constructor(clock: Clock, devices: () => readonly Device[]) {
    this.#clock = clock;
    this.#devices = devices;
  }

  /** To be called when a device may have come to be waited for. */
  look(): void {
    if (this.#closed || this.#timer !== undefined || !this.#devices().some(isWaitedFor)) return;
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#timer = undefined;
      for (const device of this.#devices().filter(isWaitedFor))
        if (holdersOf(device, "one").length === 0) device.start();
      this.look();
    });
  }

  /** None is started any more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}
