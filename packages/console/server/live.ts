// Runs in: console. Owns: what units tell, for the pages that look at them: a channel a unit, opened to read, and closed behind the last page.
import { unitClasses } from "@ring3/client/classes";
import type { Units } from "@ring3/client/units";
import type { Clock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import type { LiveUnit, UnitWord } from "./app.ts";

/** Between two looks of a page: thirty a second are a moving picture. */
const LOOK_MS = 33;
/** Occurrences that one look shows; a mouse tells of a thousand movements a second. */
const OCCURRENCES_MAX = 16;

/** What one page has not been shown yet. */
class Unseen {
  readonly #contract: Contract;
  /** By event: of a state the latest, of occurrences some. */
  #waiting = new Map<string, unknown[]>();
  #came = Promise.withResolvers<void>();

  constructor(contract: Contract) {
    this.#contract = contract;
  }

  give({ event, data }: UnitWord): void {
    const isState = this.#contract.events[event]?.overflow !== "drop-and-count";
    const before = this.#waiting.get(event) ?? [];
    this.#waiting.set(event, isState ? [data] : [...before.slice(1 - OCCURRENCES_MAX), data]);
    this.#came.resolve();
  }

  /** Resolves once there is something to be taken. */
  get came(): Promise<void> {
    return this.#came.promise;
  }

  take(): UnitWord[] {
    const events = [...this.#waiting].flatMap(([event, all]) => all.map((data) => ({ event, data })));
    this.#waiting = new Map();
    this.#came = Promise.withResolvers();
    return events;
  }
}

/** A unit that somebody looks at. */
class Watched {
  readonly pages = new Set<Unseen>();
  /** For who comes later. */
  readonly latest = new Map<string, unknown>();

  tell(event: UnitWord): void {
    this.latest.set(event.event, event.data);
    for (const page of this.pages) page.give(event);
  }
}

/** A unit that is open, or is being opened, and how many pages look at it or wait for it. */
interface Entry {
  readonly opening: Promise<Open>;
  pages: number;
}

interface Open {
  readonly watched: Watched;
  readonly contract: Contract;
  /** Resolves when the unit has gone. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

export function liveUnits(units: Units, clock: Clock): LiveUnit {
  const open = new Map<string, Entry>();

  async function watch(unit: string): Promise<Open> {
    const info = units.info(unit);
    const unitClass = info && unitClasses[info.class];
    if (unitClass === undefined)
      throw new DeviceError(
        "invalid",
        `${unit}: there is no such unit, or none of a class that can be watched`,
      );
    const { port, end } = await units.open(unit, unitClass, "read");
    const watched = new Watched();
    const { class: className, name } = info!;
    const events = Object.keys(unitClass.contract.events);
    for (const event of events) port.on(event, (data: unknown) => watched.tell({ event, data }));
    port.onDriver((there) => watched.tell({ event: "driver", data: { there } }));
    watched.tell({ event: "unit", data: { class: className, name, properties: port.properties, events } });
    return { watched, contract: unitClass.contract, ended: end.whenEnded, close: () => port.close() };
  }

  /** One that has gone is nobody's any more, whoever still looks at it. */
  function forget(unit: string, entry: Entry): void {
    if (open.get(unit) === entry) open.delete(unit);
  }

  function entryOf(unit: string): Entry {
    const known = open.get(unit);
    if (known !== undefined) return known;
    const entry = { opening: watch(unit), pages: 0 };
    open.set(unit, entry);
    entry.opening.then(
      ({ ended }) => void ended.then(() => forget(unit, entry)),
      () => forget(unit, entry),
    );
    return entry;
  }

  return async function* (unit, signal) {
    const entry = entryOf(unit);
    entry.pages++; // at once: a page that leaves must not close it under one that waits for it
    const { watched, contract, ended, close } = await entry.opening;
    const page = new Unseen(contract);
    watched.pages.add(page);
    let over = false;
    const leaves = new Promise<void>((resolve) => {
      const leave = () => {
        over = true;
        resolve();
      };
      signal.addEventListener("abort", leave);
      if (signal.aborted) leave(); // while it was being opened
      void ended.then(leave);
    });
    for (const [event, data] of watched.latest) page.give({ event, data });
    try {
      for (;;) {
        await Promise.race([page.came, leaves]);
        if (over) return;
        yield* page.take();
        await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
      }
    } finally {
      watched.pages.delete(page);
      if (--entry.pages === 0) {
        forget(unit, entry);
        await close();
      }
    }
  };
}
