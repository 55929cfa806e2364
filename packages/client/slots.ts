// Runs in: a client. Owns: which slots of a channel are free, and who waits for how many.

import type { ClientMemory } from "@ring3/channel/client-channel";
import { DeviceError } from "@ring3/core/errors";
import type { Slot } from "@ring3/core/slot-port";

/** First come, first served, all of a request's slots at once: so two large requests cannot hold half each for ever. */
export class Slots {
  readonly #free: Slot[];
  readonly #total: number;
  readonly #waiting: { count: number; grant: (slots: Slot[]) => void }[] = [];

  constructor(slots: Slot[]) {
    this.#free = slots;
    this.#total = slots.length;
  }

  reserve(count: number, signal?: AbortSignal): Promise<Slot[]> {
    if (count < 1 || count > this.#total)
      return Promise.reject(new DeviceError("invalid", `${count} slots of ${this.#total}`));
    if (signal?.aborted) return Promise.reject(givenUp());
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(givenUp());
        this.#serve();
      };
      const waiter = {
        count,
        grant: (slots: Slot[]) => {
          signal?.removeEventListener("abort", giveUp);
          resolve(slots);
        },
      };
      this.#waiting.push(waiter);
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#serve();
    });
  }

  /** One that is free and that nobody waits for, at once. */
  take(): Slot | undefined {
    return this.#waiting.length === 0 ? this.#free.pop() : undefined;
  }

  /** The slot used last is handed out first: its pages are warm. */
  release(slot: Slot): void {
    this.#free.push(slot);
    this.#serve();
  }

  #serve(): void {
    while (this.#waiting[0] !== undefined && this.#waiting[0].count <= this.#free.length) {
      const { count, grant } = this.#waiting.shift()!;
      grant(this.#free.splice(this.#free.length - count, count));
    }
  }
}

function givenUp(): DeviceError {
  return new DeviceError("cancelled", "waiting for a free slot");
}

/** All of a channel's. */
export function slotsOf(memory: ClientMemory): Slot[] {
  return Array.from({ length: memory.layout.slots }, (_, index) => ({
    index,
    room: (bytes) => memory.slot(index, bytes),
  }));
}
