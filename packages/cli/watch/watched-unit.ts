// Runs in: CLI. Owns: one unit that is watched: its channel, and what comes over it until there is no more.
import type { ClientClass, Ring3 } from "@ring3/client";
import type { Contract } from "@ring3/core/contract";
import type { DeviceError } from "@ring3/core/errors";

export interface Told {
  event(name: string, data: object): void;
  /** Its driver is there, or dead: what that told is over. */
  driver(there: boolean): void;
}

export class WatchedUnit {
  /** Resolves with what has ended it; undefined: it was closed. */
  readonly over: Promise<DeviceError | undefined>;
  readonly #close: () => Promise<void>;

  private constructor(over: Promise<DeviceError | undefined>, close: () => Promise<void>) {
    this.over = over;
    this.#close = close;
  }

  /** Rejects where it may not be opened. */
  static async open(
    ring3: Ring3,
    unit: string,
    unitClass: ClientClass<Contract>,
    told: Told,
  ): Promise<WatchedUnit> {
    const opened = await ring3.open(unit, unitClass, "read");
    // Behind the events that came before it: those are read in microtasks.
    opened.onDriver((there) => setImmediate(() => told.driver(there)));
    const read = async (name: string): Promise<DeviceError | undefined> => {
      try {
        for await (const data of opened.events(name)) told.event(name, data as object);
        return undefined;
      } catch (error) {
        return error as DeviceError;
      }
    };
    const ends = Promise.all(Object.keys(unitClass.contract.events).map(read));
    return new WatchedUnit(
      ends.then((all) => all.find((end) => end !== undefined)),
      () => opened.close(),
    );
  }

  close(): Promise<void> {
    return this.#close();
  }
}
