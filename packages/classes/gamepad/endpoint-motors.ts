// Runs in: reflector. Owns: what programs want felt, with its end: told to the driver, and to the next one for as long as it has left.
import type { Clock, Timer } from "@ring3/core/clock";
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
  #closed = false;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** It knows of nothing. */
  driver(port: SlotPort<Gamepad> | undefined): void {
    this.#port = port;
    this.#teller.tell();
  }

  set(strong: number, weak: number, untilMs: number): void {
    this.#wanted = { strong, weak, untilMs };
    this.#teller.tell();
  }

  async #tell(): Promise<void> {
    if (this.#closed || this.#wanted === undefined || this.#port?.supports("rumble") !== true) return;
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
    await this.#port.request("rumble", input).catch((error: Error) => {
      this.#log.debug(`not felt: ${error.message}`); // the next driver is told anew
    });
  }

  close(): void {
    this.#closed = true;
    this.#renewal?.cancel();
  }
}
