// Runs in: reflector. Owns: what programs want felt, with its end: told to the driver, and to the next one for as long as it has left.
import type { Clock, Timer } from "@ring3/core/clock";
import { limits } from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import { Teller } from "../input/endpoint-teller.ts";
import { type Gamepad, RUMBLE_MAX_MS } from "./contract.ts";

/** Of drivers that have died by their own fault while they were told the same, and of such in a row that have died so before they had lived in health or taken anything. */
const DEATHS_MAX = 2;

interface Effect {
  readonly strong: number;
  readonly weak: number;
  readonly untilMs: number;
  /** Drivers in a row that have died while they were told it. */
  deaths: number;
}

/** The driver has not let go of it yet. */
interface Telling {
  readonly takeBack: AbortController;
  /** The driver, before it did. */
  isDead: boolean;
}

/**
 * Each driver stops the motors as it begins. So that they stand still should none come up any more (quarantine), an effect that brings drivers down is
 * not told again, and in a row of drivers that die early none is told anything before it has lived in health.
 */
export class Motors {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #teller = new Teller(() => this.#tell());
  #port: SlotPort<Gamepad> | undefined;
  /** undefined: nobody has wanted anything yet. */
  #wanted: Effect | undefined;
  #telling: Telling | undefined;
  #renewal: Timer | undefined;
  /** When the driver that there is came, and whether it has taken anything. */
  #sinceMs = 0;
  #hasTaken = false;
  /** It, or the last one, was of no use. */
  #isEarly = false;
  #earlyDeaths = 0;
  /** Until it has lived in health. */
  #wait: Timer | undefined;
  #closed = false;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** It knows of nothing. undefined, maybe twice: it is at rest, unplugged or dead. `failed`: by its own fault. */
  driver(port: SlotPort<Gamepad> | undefined, failed = false): void {
    if (this.#port === undefined && port !== undefined) this.#begins();
    if (this.#port !== undefined && port === undefined) this.#ends();
    if (port === undefined) this.#telling?.takeBack.abort(); // at rest it would do so once it wakes, however late that is
    if (failed && this.#telling !== undefined) this.#telling.isDead = true;
    if (failed && this.#isEarly) {
      this.#earlyDeaths++;
      this.#isEarly = false; // counted; the next one may come and go at rest
    }
    this.#port = port;
    this.#teller.tell();
  }

  set(strong: number, weak: number, untilMs: number): void {
    this.#wanted = { strong, weak, untilMs, deaths: 0 };
    this.#teller.tell();
  }

  #begins(): void {
    this.#sinceMs = this.#clock.now();
    this.#hasTaken = false;
    if (this.#earlyDeaths < DEATHS_MAX) return;
    this.#wait = this.#clock.after(limits.healthyMs, () => {
      this.#wait = undefined;
      this.#teller.tell();
    });
  }

  #ends(): void {
    this.#wait?.cancel();
    this.#wait = undefined;
    this.#isEarly = !this.#hasTaken && this.#clock.now() - this.#sinceMs < limits.healthyMs;
    if (!this.#isEarly) this.#earlyDeaths = 0;
  }

  async #tell(): Promise<void> {
    const effect = this.#wanted;
    if (this.#closed || effect === undefined || this.#port?.supports("rumble") !== true) return;
    if (this.#wait !== undefined) return;
    const { strong, weak, untilMs } = effect;
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
    const telling: Telling = { takeBack: new AbortController(), isDead: false };
    this.#telling = telling;
    try {
      await this.#port.request("rumble", input, { signal: telling.takeBack.signal });
      this.#hasTaken = true;
      effect.deaths = 0;
    } catch (error) {
      this.#log.debug(`not felt: ${(error as Error).message}`); // the next driver is told anew
      if (telling.isDead) this.#diedUnder(effect);
    } finally {
      this.#telling = undefined;
    }
  }

  #diedUnder(effect: Effect): void {
    if (++effect.deaths < DEATHS_MAX || this.#wanted !== effect) return;
    this.#wanted = undefined;
    this.#log.warn(`a rumble under which ${DEATHS_MAX} drivers have died is not told to another`);
  }

  close(): void {
    this.#closed = true;
    this.#wait?.cancel();
    this.#renewal?.cancel();
  }
}
