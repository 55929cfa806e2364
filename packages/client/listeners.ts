// Runs in: a client. Owns: who is told of a unit's events, and of the drivers that come and go behind it.
import { MalformedChannel } from "@ring3/channel/ring";
import type { Contract, Event, EventData, EventName } from "@ring3/core/contract";
import { isolated } from "./isolated.ts";

export class Listeners<C extends Contract> {
  readonly #events = new Map<number, { readonly name: EventName<C>; readonly spec: Event }>();
  readonly #on = new Map<EventName<C>, Set<(data: never, dropped: number) => void>>();
  readonly #onDriver = new Set<(there: boolean, failed: boolean) => void>();
  /** Of the sticky events of the driver that lives: for who comes later, and for all once a driver that was held works again. */
  readonly #latest = new Map<EventName<C>, unknown>();
  /** The driver does nothing for the time being: nobody is told that what it has told is so. */
  #held = false;

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
    if (!this.#held && this.#latest.has(name)) isolated(() => listener(this.#latest.get(name) as never, 0));
    return () => listeners.delete(listener);
  }

  onDriver(listener: (there: boolean, failed: boolean) => void): () => void {
    this.#onDriver.add(listener);
    return () => this.#onDriver.delete(listener);
  }

  /** One works, or the one that lives does not for the time being: what holds still it need not tell again. */
  driver(there: boolean, failed = false): void {
    if (!there) this.#forgetOccurrences();
    this.#held = true; // who subscribes while others are told of the driver is told with all
    for (const listener of [...this.#onDriver])
      if (this.#onDriver.has(listener)) isolated(() => listener(there, failed));
    if (!there) return;
    const retold = [...this.#latest].flatMap(([name, data]) =>
      [...(this.#on.get(name) ?? [])].map((listener) => ({ name, data, listener })),
    );
    this.#held = false;
    for (const { name, data, listener } of retold)
      if (this.#on.get(name)!.has(listener)) isolated(() => listener(data as never, 0));
  }

  /** What has no data has happened, and is not so still. */
  #forgetOccurrences(): void {
    for (const [name, data] of this.#latest) if (data === undefined) this.#latest.delete(name);
  }

  /** What the dead driver has told is over. `failed`: it died by its own fault. */
  driverLost(failed: boolean): void {
    this.#latest.clear();
    this.driver(false, failed);
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
