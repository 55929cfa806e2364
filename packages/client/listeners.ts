// Runs in: a client. Owns: who is told of a unit's events, and of the drivers that come and go behind it.
import { MalformedChannel } from "@ring3/channel/ring";
import type { Contract, Event, EventData, EventName } from "@ring3/core/contract";
import { isolated } from "./isolated.ts";

export class Listeners<C extends Contract> {
  readonly #events = new Map<number, { readonly name: EventName<C>; readonly spec: Event }>();
  readonly #on = new Map<EventName<C>, Set<(data: never, dropped: number) => void>>();
  readonly #onDriver = new Set<(there: boolean) => void>();
  /** Of the sticky events of the driver that is there: for who comes later. */
  readonly #latest = new Map<EventName<C>, unknown>();

  constructor(contract: C) {
    for (const [name, spec] of Object.entries(contract.events))
      this.#events.set(spec.nr, { name: name as EventName<C>, spec });
  }

  on<E extends EventName<C>>(
    name: E,
    listener: (data: EventData<C, E>, dropped: number) => void,
  ): () => void {
    const listeners = this.#on.get(name) ?? new Set();
    this.#on.set(name, listeners.add(listener));
    if (this.#latest.has(name)) isolated(() => listener(this.#latest.get(name) as never, 0));
    return () => listeners.delete(listener);
  }

  onDriver(listener: (there: boolean) => void): () => void {
    this.#onDriver.add(listener);
    return () => this.#onDriver.delete(listener);
  }

  driver(there: boolean): void {
    if (!there) this.#latest.clear();
    for (const listener of [...this.#onDriver])
      if (this.#onDriver.has(listener)) isolated(() => listener(there));
  }

  /** `told` hears of it before the others do. Throws MalformedChannel for an event, or values, that the contract has not. */
  event(
    nr: number,
    dropped: number,
    view: DataView,
    offset: number,
    told: (name: EventName<C>) => void,
  ): void {
    const event = this.#events.get(nr);
    if (event === undefined) throw new MalformedChannel(`unknown event ${nr}`);
    const data = decoded(() => event.spec.data?.decode(view, offset));
    told(event.name);
    if (event.spec.sticky) this.#latest.set(event.name, data);
    const listeners = this.#on.get(event.name);
    // One that comes while the others are told has been told by `on`; one that leaves is not told any more.
    for (const listener of [...(listeners ?? [])])
      if (listeners!.has(listener)) isolated(() => listener(data as never, dropped));
  }
}

/** A struct from the driver: values that no contract allows are a broken rule. */
export function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new MalformedChannel((error as Error).message);
  }
}
