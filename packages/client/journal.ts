// Runs in: a client. Owns: which unfinished requests there are, in their order, and which of them may be sent now. Pure.

import type { Contract, Input, Operation, OperationName } from "@ring3/core/contract";
import type { Recovery, Ticket } from "@ring3/core/recovery";

/** In flight at this many failures of the driver, a request is a suspect: it is sent only while nothing else is. */
const SUSPECT_AFTER = 2;

/** One unfinished request. It leaves the journal when the driver has completed it, or certainly never will. */
export interface Entry<C extends Contract> {
  readonly id: number;
  readonly tag: number;
  readonly name: OperationName<C>;
  readonly spec: Operation;
  readonly input: Input<C, OperationName<C>>;
  readonly length: number;
  readonly deadlineMs: number;
  /** How often the driver failed by its own doing while this was in flight. */
  failures: number;
  /** Present while in flight. */
  flight: { readonly ticket: Ticket; readonly deadline: number; cancelledAt: number | undefined } | undefined;
}

export class Journal<C extends Contract, E extends Entry<C>> {
  readonly #recovery: Recovery<C>;
  readonly #waiting: E[] = [];
  readonly #inFlight = new Map<number, E>();
  readonly #idle: (() => void)[] = [];

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
      this.#waiting.splice(index, 1);
      this.#inFlight.set(entry.tag, entry);
      return entry;
    }
    return undefined;
  }

  #maySend(entry: E, index: number): boolean {
    const suspect = entry.failures >= SUSPECT_AFTER;
    for (const other of this.#inFlight.values())
      if (suspect || other.failures >= SUSPECT_AFTER || this.#conflict(entry, other)) return false;
    for (let earlier = 0; earlier < index; earlier++)
      if (this.#conflict(entry, this.#waiting[earlier]!)) return false;
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
      if (index >= 0) this.#waiting.splice(index, 1);
    }
    if (this.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * The driver is dead and fenced. `outside`: not by its own doing. What was in flight waits again, in the old order;
   * returned are the requests that must fail instead: poison (alone in flight at a third failure) and what may not be
   * repeated.
   */
  driverLost(outside: boolean): { poison: E[]; unrepeatable: E[] } {
    const lost = [...this.#inFlight.values()];
    const alone = lost.length === 1;
    const poison: E[] = [];
    const unrepeatable: E[] = [];
    for (const entry of lost) {
      const suspect = entry.failures >= SUSPECT_AFTER;
      if (!outside) entry.failures++;
      entry.flight = undefined;
      if (entry.spec.replay !== "always") unrepeatable.push(entry);
      else if (!outside && alone && suspect) poison.push(entry);
    }
    this.#inFlight.clear();
    this.#waiting.push(...lost);
    this.#waiting.sort((a, b) => a.id - b.id);
    return { poison, unrepeatable };
  }

  all(): E[] {
    return [...this.#inFlight.values(), ...this.#waiting];
  }

  /** Resolves once nothing is unfinished. */
  idle(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }
}
