// Runs in: reflector. Owns: what programs want felt, with its end: told to the driver, and to the next one for as long as it has left.
import type { Clock, Timer } from "@ring3/core/clock";
import { limits } from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import { Teller } from "../input/endpoint-teller.ts";
import { type Gamepad, RUMBLE_MAX_MS } from "./contract.ts";

export class Motors {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #teller = new Teller(() => this.#tell());
  #port: SlotPort<Gamepad> | undefined;
  /** undefined: nobody has wanted anything yet. */
  #wanted: { readonly strong: number; readonly weak: number; readonly untilMs: number } | undefined;
  #renewal: Timer | undefined;
  /** The driver that there is has taken what it was told; or the last one had, or had lived in health. */
  #isProven = true;
  #sinceMs = 0;
  /** Until a driver has lived in health. */
  #wait: Timer | undefined;
  #closed = false;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * It knows of nothing. One that follows a driver which was of no use is told only once it has lived in health: each stops the motors as it begins, so
   * that they stand still should none come up any more (quarantine).
   */
  driver(port: SlotPort<Gamepad> | undefined): void {
    if (this.#port === undefined && port !== undefined) this.#begins();
    if (this.#port !== undefined && port === undefined) this.#ends();
    this.#port = port;
    this.#teller.tell();
  }

  #begins(): void {
    this.#sinceMs = this.#clock.now();
    if (!this.#isProven)
      this.#wait = this.#clock.after(limits.healthyMs, () => {
        this.#wait = undefined;
        this.#teller.tell();
      });
    this.#isProven = false;
  }

  #ends(): void {
    this.#wait?.cancel();
    this.#wait = undefined;
    this.#isProven ||= this.#clock.now() - this.#sinceMs >= limits.healthyMs;
  }

  set(strong: number, weak: number, untilMs: number): void {
    this.#wanted = { strong, weak, untilMs };
    this.#teller.tell();
  }

  async #tell(): Promise<void> {
    if (this.#closed || this.#wanted === undefined || this.#port?.supports("rumble") !== true) return;
    if (this.#wait !== undefined) return;
    const { strong, weak, untilMs } = this.#wanted;
    const left = Math.max(0, untilMs - this.#clock.now());
    const still = left === 0 || (strong === 0 && weak === 0);
    const input = still
      ? { strong: 0, weak: 0, durationMs: 0 }
      : { strong, weak, durationMs: Math.ceil(Math.min(left, RUMBLE_MAX_MS)) };
    this.#renewal?.cancel();
    // What lasts longer than one request can say is said again before that is over.
    this.#renewal =
      still || left <= RUMBLE_MAX_MS
        ? undefined
        : this.#clock.after(RUMBLE_MAX_MS / 2, () => this.#teller.tell());
    try {
      await this.#port.request("rumble", input);
      this.#isProven = true;
    } catch (error) {
      this.#log.debug(`not felt: ${(error as Error).message}`); // the next driver is told anew
    }
  }

  close(): void {
    this.#closed = true;
    this.#wait?.cancel();
    this.#renewal?.cancel();
  }
}
