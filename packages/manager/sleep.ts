// Runs in: manager. Owns: whether the machine is about to sleep, and the lock that it waits for until the devices are at rest.

import type { Clock, Timer } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { Device } from "./device.ts";
import type { SleepListener } from "./login-manager.ts";

/** What of the time is left over, so that the log still says who was late. */
const MARGIN_MS = 500;

export class Sleep implements SleepListener {
  readonly #devices: () => readonly Device[];
  readonly #clock: Clock;
  readonly #log: Log;
  #lock: Descriptor | undefined;
  /** Devices that were asked to rest for this sleep, each with the incarnation that worked then, or 0; undefined while the machine is awake. */
  #asked: Map<Device, number> | undefined;
  /** What was asked last of devices that have not done it yet: one may be `suspended` still, and about to work as it was told before. */
  readonly #asking = new Map<Device, Promise<void>>();
  /** Incarnations that have refused: nobody waits for them. */
  readonly #refused = new Map<Device, number>();
  #late: Timer | undefined;

  constructor(devices: () => readonly Device[], clock: Clock, log: Log) {
    this.#devices = devices;
    this.#clock = clock;
    this.#log = log;
  }

  begins(withinMs: number): void {
    if (this.#asked !== undefined) return;
    this.#asked = new Map();
    this.#refused.clear();
    this.#late = this.#clock.after(Math.max(0, withinMs - MARGIN_MS), () => this.#tooLate());
    this.deviceChanged();
  }

  ends(): void {
    this.#asked = undefined;
    this.#late?.cancel();
    for (const device of this.#devices())
      device
        .resume("sleep")
        .catch((error: Error) => this.#log.warn(`${device.id} is not resumed: ${error.message}`));
  }

  lock(lock: Descriptor): void {
    this.#lock?.close();
    this.#lock = lock;
    this.#check();
  }

  /** Those that start or are plugged in meanwhile are to rest too. */
  deviceChanged(): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    for (const device of this.#devices()) {
      const { state, incarnation } = device.life;
      const works = state === "running" ? incarnation : 0;
      if (!asked.has(device) || (works > 0 && asked.get(device) !== works)) this.#ask(device, works, asked);
      if (!hasWorkingDriver(device)) void device.fenced.then(() => this.#check());
    }
    this.#check();
  }

  #ask(device: Device, incarnation: number, asked: Map<Device, number>): void {
    asked.set(device, incarnation);
    const asking = device
      .suspend("sleep")
      .catch((error: Error) => {
        this.#log.warn(`${device.id} is not suspended: ${error.message}`);
        if (this.#asked === asked) this.#refused.set(device, incarnation);
      })
      .then(() => {
        if (this.#asking.get(device) === asking) this.#asking.delete(device);
        this.#check();
      });
    this.#asking.set(device, asking);
  }

  #check(): void {
    if (this.#asked === undefined || this.#restless().length > 0) return;
    this.#letGo();
  }

  #restless(): Device[] {
    return this.#devices().filter((device) => !this.#isAtRest(device) && !this.#hasRefused(device));
  }

  /** No driver can touch it, or its driver will not before it is resumed. One that cannot be ended cannot be waited for. */
  #isAtRest(device: Device): boolean {
    const { state, fenced } = device.life;
    return fenced || state === "stuck" || (state === "suspended" && !this.#asking.has(device));
  }

  /** One that has died over it has not: there will be another, which rests. */
  #hasRefused(device: Device): boolean {
    const { state, incarnation } = device.life;
    return state === "running" && this.#refused.get(device) === incarnation;
  }

  #tooLate(): void {
    const late = this.#restless().map(({ id, life }) => `${id} (${life.state})`);
    this.#log.warn(`the machine sleeps before these devices are at rest: ${late.join(", ")}`);
    this.#letGo();
  }

  #letGo(): void {
    this.#late?.cancel();
    this.#lock?.close();
    this.#lock = undefined;
  }
}

const hasWorkingDriver = ({ life: { state } }: Device) => state === "starting" || state === "running";
