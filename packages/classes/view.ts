// Runs in: browser, in the console. Owns: nothing; what a class's own view of a unit (CLASS/view.tsx) is given: types only.

export interface Told {
  /** When this browser heard of it, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a device did in one second, all its units together. */
export interface Activity {
  readonly requests: number;
  readonly failed: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** From a request's arrival at the driver to its answer; null: there was none. */
  readonly p50Us: number | null;
}

/** Numbers are the contract's. */
export interface ViewParts {
  readonly properties: Readonly<Record<string, unknown>>;
  /** The latest of each event; `driver`: whether one is there. */
  readonly events: Readonly<Record<string, Told["data"] | undefined>>;
  /** Of each event the last ones, oldest first, no more than 64. */
  readonly past: Readonly<Record<string, readonly Told[] | undefined>>;
  /** The last two minutes, oldest first: the last one is now. */
  readonly seconds: readonly Activity[];
}
