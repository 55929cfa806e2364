// Runs in: console. Owns: what units tell, for the pages that look at them: a channel a unit, opened to read, and closed behind the last page.
import { unitClasses } from "@ring3/client/classes";
import type { Units } from "@ring3/client/units";
import { added } from "@ring3/core/added";
import type { Clock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import type { LiveUnit, UnitWord } from "./app.ts";

/** Between two looks of a page: thirty a second are a moving picture. */
const LOOK_MS = 33;
/** Before one that has gone, or could not be opened, is looked at again: another medium makes another of it, and who has it lets go of it. */
const AGAIN_MS = 2000;
/** Occurrences that one look shows. */
const OCCURRENCES_MAX = 16;

/** What one page has not been shown yet. */
class Unseen {
  readonly #contract: Contract;
  /** By event, in the order in which they were told last: of a state the latest, of changes their sum, of occurrences some. */
  #waiting = new Map<string, unknown[]>();
  /** No promise lives longer than one look: what waits for it is kept as long as it is. */
  #came = Promise.withResolvers<void>();
  #over = false;

  constructor(contract: Contract) {
    this.#contract = contract;
  }

  give({ event, data }: UnitWord): void {
    const before = this.#waiting.get(event) ?? [];
    this.#waiting.delete(event);
    this.#waiting.set(event, this.#joined(event, before, data));
    this.#came.resolve();
  }

  #joined(event: string, before: readonly unknown[], data: unknown): unknown[] {
    const { overflow = "latest", data: fields } = this.#contract.events[event] ?? {};
    if (overflow === "drop-and-count") return [...before.slice(1 - OCCURRENCES_MAX), data];
    return [overflow === "add" && before.length > 0 ? added(fields, before[0], data) : data];
  }

  /** Nothing more comes: the page has left, or the unit has gone. */
  readonly end = (): void => {
    this.#over = true;
    this.#came.resolve();
  };

  /** Resolves once there is something: true, or nothing any more: false. */
  async comes(): Promise<boolean> {
    await this.#came.promise;
    return !this.#over;
  }

  take(): UnitWord[] {
    const words = [...this.#waiting].flatMap(([event, all]) => all.map((data) => ({ event, data })));
    this.#waiting = new Map();
    if (!this.#over) this.#came = Promise.withResolvers();
    return words;
  }
}

/** A unit that is open. */
class Watched {
  readonly #contract: Contract;
  readonly #unit: UnitWord;
  readonly #pages = new Set<Unseen>();
  /** For who comes later; of a driver that is there. */
  #latest = new Map<string, unknown>();
  #over = false;

  /** `unit`: what is told first. */
  constructor(contract: Contract, unit: UnitWord) {
    this.#contract = contract;
    this.#unit = unit;
  }

  tell(word: UnitWord): void {
    const { overflow = "latest" } = this.#contract.events[word.event] ?? {};
    if (overflow === "latest") this.#latest.set(word.event, word.data); // what has happened is not so any more
    for (const page of this.#pages) page.give(word);
  }

  /** Nobody can say that anything is still so that one has told who is not there. */
  driver(there: boolean): void {
    if (!there) this.#latest = new Map();
    this.tell({ event: "driver", data: { there } });
  }

  end(): void {
    this.#over = true;
    for (const page of this.#pages) page.end();
  }

  enter(): Unseen {
    const page = new Unseen(this.#contract);
    this.#pages.add(page);
    page.give(this.#unit);
    for (const [event, data] of this.#latest) page.give({ event, data });
    if (this.#over) page.end();
    return page;
  }

  leave(page: Unseen): void {
    this.#pages.delete(page);
  }
}

interface Open {
  readonly watched: Watched;
  /** Resolves when the unit has gone. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

/** A unit that is open, or is being opened, and how many pages look at it or wait for it. */
interface Entry {
  readonly opening: Promise<Open>;
  pages: number;
}

export function liveUnits(
  units: Pick<Units, "info" | "open">,
  clock: Clock,
  classes: typeof unitClasses = unitClasses,
): LiveUnit {
  const open = new Map<string, Entry>();

  async function watch(unit: string): Promise<Open> {
    const info = units.info(unit);
    const unitClass = info && classes[info.class];
    if (unitClass === undefined)
      throw new DeviceError(
        "invalid",
        `${unit}: there is no such unit, or none of a class that can be watched`,
      );
    const { port, end } = await units.open(unit, unitClass, "read");
    const { contract } = unitClass;
    const events = Object.keys(contract.events);
    const operations = Object.keys(contract.operations).filter((operation) => port.supports(operation));
    const { class: className, name } = info!;
    const data = { class: className, name, properties: port.properties, operations, events };
    const watched = new Watched(contract, { event: "unit", data });
    for (const event of events) port.on(event, (data: unknown) => watched.tell({ event, data }));
    port.onDriver((there) => watched.driver(there));
    return { watched, ended: end.whenEnded, close: () => port.close() };
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
      async ({ watched, ended }) => {
        await ended;
        forget(unit, entry);
        watched.end();
      },
      () => forget(unit, entry),
    );
    return entry;
  }

  async function* look(unit: string, signal: AbortSignal): AsyncGenerator<UnitWord> {
    const entry = entryOf(unit);
    entry.pages++; // at once: a page that leaves must not close it under one that waits for it
    const { watched, close } = await entry.opening;
    const page = watched.enter();
    signal.addEventListener("abort", page.end);
    if (signal.aborted) page.end(); // while it was being opened
    try {
      while (await page.comes()) {
        yield* page.take();
        await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
      }
    } finally {
      watched.leave(page);
      if (--entry.pages === 0) {
        forget(unit, entry);
        await close();
      }
    }
  }

  const pause = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const over = () => {
        timer.cancel();
        signal.removeEventListener("abort", over);
        resolve();
      };
      const timer = clock.after(AGAIN_MS, over);
      signal.addEventListener("abort", over);
    });

  return async function* (unit, signal) {
    let trouble = "";
    while (!signal.aborted) {
      try {
        for await (const word of look(unit, signal)) {
          trouble = "";
          yield word;
        }
        if (!signal.aborted) yield { event: "end", data: {} };
      } catch (error) {
        const { message } = error as Error;
        if (message !== trouble) yield { event: "trouble", data: message };
        trouble = message;
      }
      if (!signal.aborted) await pause(signal);
    }
  };
}
