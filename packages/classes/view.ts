// Runs in: browser, in the console. Owns: nothing; what a class's own view of a unit (CLASS/view.tsx) is given, and numbers and times as the whole page writes them.

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
  readonly events: number;
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

const number = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });

function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  let left = value;
  while (left >= 1000 && unit < units.length - 1) {
    left /= 1000;
    unit++;
  }
  return `${number.format(left)} ${units[unit]}`.trimEnd();
}

export const countText = (value: number) => scaled(value, ["", "k", "M"]);
export const bytesText = (value: number) => scaled(value, ["B", "kB", "MB", "GB", "TB", "PB"]);
/** null: there was none. */
export const durationText = (us: number | null) =>
  us === null ? "–" : us < 1e6 ? scaled(us, ["µs", "ms"]) : `${number.format(us / 1e6)} s`;

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});
/** Time of day in the zone of whoever looks, to the millisecond; `ms`: since 1970. */
export const clockText = (ms: number) => clock.format(ms);
