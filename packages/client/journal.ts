// Runs in: a client. Owns: which unfinished requests there are, in their order, and which of them may be sent now. Pure.

import type { Contract, Input, Operation, OperationName } from "@ring3/core/contract";
import type { Recovery, Ticket } from "@ring3/core/recovery";

/** In flight at this many failures of the driver, a request is a suspect: it is sent only while nothing else is. */
const SUSPECT_AFTER = 2;

/** How a driver ended. */
export interface Death {
  /** Not by its own doing. */
  readonly outside: boolean;
  /** Other clients had channels to it: their requests may be what it died of. */
  readonly shared: boolean;
}

/** One unfinished request. It leaves the journal when the driver has completed it, or certainly never will. */
export interface Entry<C extends Contract> {
  readonly id: number;
  readonly tag: number;
  readonly name: OperationName<C>;
  readonly spec: Operation;
  input: Input<C, OperationName<C>>;
  readonly length: number;
  readonly deadlineMs: number;
  /** How often the driver failed by its own doing while this was in flight. */
  failures: number;
  /** Its caller has taken it back: it is not sent again. */
  cancelled: boolean;
  /** A driver that was lost has not answered it, and no other has got it yet. */
  again: boolean;
  /** Present while in flight. */
  flight: Flight | undefined;
}

export interface Flight {
  readonly ticket: Ticket;
  sentAt: number;
  /** Requests that were in flight already. */
  readonly ahead: number;
  cancelledAt: number | undefined;
}

const isSuspect = ({ failures }: { failures: number }): boolean => failures >= SUSPECT_AFTER;

export class Journal<C extends Contract, E extends Entry<C>> {
  readonly #recovery: Recovery<C>;
  readonly #waiting: E[] = [];
  readonly #inFlight = new Map<number, E>();
  readonly #idle: (() => void)[] = [];
  /** How many of the unfinished are suspects. */
  #suspects = 0;

  constructor(recovery: Recovery<C>) {
    this.#recovery = recovery;
  }

  get size(): number {
    return this.#waiting.length + this.#inFlight.size;
  }

  get inFlight(): ReadonlyMap<number, E> {
    return this.#inFlight;
  }

  add(entry: E): void {
    this.#waiting.push(entry);
  }

  /** Takes the next request that may be sent beside those in flight and before those that wait, or none. */
  takeNext(): E | undefined {
    for (let index = 0; index < this.#waiting.length; index++) {
      const entry = this.#waiting[index]!;
      if (!this.#maySend(entry, index)) continue;
      if (index === 0) this.#waiting.shift();
      else this.#waiting.splice(index, 1);
      this.#inFlight.set(entry.tag, entry);
      return entry;
    }
    return undefined;
  }

  #maySend(entry: E, index: number): boolean {
    if (this.#suspects === 0 && !entry.spec.mutates) return true;
    const suspect = isSuspect(entry);
    for (const other of this.#inFlight.values())
      if (suspect || isSuspect(other) || this.#conflict(entry, other)) return false;
    for (let earlier = 0; earlier < index; earlier++) {
      const waiting = this.#waiting[earlier]!;
      if (isSuspect(waiting) || this.#conflict(entry, waiting)) return false;
    }
    return true;
  }

  #conflict(a: E, b: E): boolean {
    if (!a.spec.mutates || !b.spec.mutates) return false;
    return this.#recovery.conflicts(
      { operation: a.name, input: a.input },
      { operation: b.name, input: b.input },
    );
  }

  /** The driver answered, or the request is not to be sent: it leaves. */
  finish(entry: E): void {
    if (!this.#inFlight.delete(entry.tag)) {
      const index = this.#waiting.indexOf(entry);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
    }
    if (isSuspect(entry)) this.#suspects--;
    if (this.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * The driver is dead and fenced. What was in flight waits again, in the old order; returned are those of it that must
   * fail instead: poison (alone in flight at a third failure), what may not be repeated, and what was taken back.
   */
  driverLost(death: Death): { entry: E; kind: "poison" | "driver-restarted" | "cancelled" }[] {
    const lost = [...this.#inFlight.values()];
    const alone = lost.length === 1 && !death.shared;
    const refused: { entry: E; kind: "poison" | "driver-restarted" | "cancelled" }[] = [];
    for (const entry of lost) {
      const suspect = isSuspect(entry);
      if (!death.outside) entry.failures++;
      if (isSuspect(entry) && !suspect) this.#suspects++;
      entry.flight = undefined;
      entry.again = true;
      if (entry.cancelled) refused.push({ entry, kind: "cancelled" });
      else if (entry.spec.replay !== "always") refused.push({ entry, kind: "driver-restarted" });
      else if (!death.outside && alone && suspect) refused.push({ entry, kind: "poison" });
    }
    this.#inFlight.clear();
    this.#waiting.push(...lost);
    this.#waiting.sort((a, b) => a.id - b.id);
    return refused;
  }

  /** Some of what a lost driver had still waits to be sent again. */
  get owes(): boolean {
    return this.#waiting.some(({ again }) => again);
  }

  all(): E[] {
    return [...this.#inFlight.values(), ...this.#waiting];
  }

  /** Resolves once nothing is unfinished. */
  idle(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }
}
