// Runs in: manager. Owns: what one bus of this machine's kernel has, found in sysfs and followed by uevents.

import type { Clock, Timer } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";
import { watchUevents } from "@ring3/kernel/uevent/uevent";
import type { BusDevice } from "./bus.ts";

/** After a plugging the kernel's own drivers get this long to bind: what they want is not taken from under them. */
const SETTLE_MS = 1000;
/** When else it is looked at behind the kernel's word: udev gives nodes to their users some ms later, and says so to nobody here. */
const LOOKS_MS = [50, 150, 400];

export interface BusListeners {
  added(device: BusDevice): void;
  removed(id: string): void;
  /** Nothing has changed for a while. */
  settled(): void;
  /** A manager before this one has had the device of that id. */
  inherited(id: string): boolean;
}

/** A device as a look at the bus finds it. */
export interface Found {
  readonly id: string;
  /** Another plugging-in has another text. */
  readonly plugging: string;
  /** A driver of the kernel's has it. */
  readonly bound: boolean;
  /** Throws DeviceError where it lies about itself. */
  describe(): BusDevice;
}

export class KernelBus {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settleMs: number;
  readonly #listeners: BusListeners;
  readonly #list: () => readonly Found[];
  /** By id: which plugging-in of the device was announced. */
  readonly #known = new Map<string, string>();
  /** The last one is the settling. */
  #looks: Timer[] = [];

  constructor(
    clock: Clock,
    log: Log,
    timeScale: number,
    listeners: BusListeners,
    list: () => readonly Found[],
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#settleMs = SETTLE_MS * timeScale;
    this.#listeners = listeners;
    this.#list = list;
  }

  /** Follows what the kernel announces of these subsystems. */
  follow(subsystems: readonly string[]): void {
    const watch = watchUevents(
      ({ subsystem }) => {
        if (subsystems.includes(subsystem)) this.changed();
      },
      () => this.changed(),
    );
    watch.ref(false);
    this.changed(); // a kernel that has just been started, or was given devices back, is about to bind its drivers
  }

  changed(): void {
    this.#scan(false);
    for (const look of this.#looks) look.cancel();
    this.#looks = LOOKS_MS.map((ms) => this.#clock.after(ms, () => this.#scan(false)));
    this.#looks.push(
      this.#clock.after(this.#settleMs, () => {
        this.#scan(true);
        this.#listeners.settled();
      }),
    );
  }

  /** What is gone is told at once, and so is what a driver has bound; what none has only once the bus has settled, unless it was known before. */
  #scan(settled: boolean): void {
    const { added, removed, inherited } = this.#listeners;
    const found = new Map(this.#list().map((entry) => [entry.id, entry]));
    for (const [id, plugging] of this.#known) {
      if (found.get(id)?.plugging === plugging) continue;
      this.#known.delete(id);
      removed(id);
    }
    for (const entry of found.values()) {
      const { id, plugging, bound } = entry;
      if (this.#known.has(id) || (!bound && !settled && !inherited(id))) continue;
      this.#known.set(id, plugging);
      const device = this.#described(entry);
      if (device !== undefined) added(device);
    }
  }

  /** A device that lies about itself is left out until it is enumerated again; the others are not. */
  #described(entry: Found): BusDevice | undefined {
    try {
      return entry.describe();
    } catch (error) {
      this.#log.warn(`${entry.id} left out: ${(error as Error).message}`);
      return undefined;
    }
  }
}
