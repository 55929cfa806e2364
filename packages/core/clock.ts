// Runs in: everywhere. Owns: what time and chance look like to code that must not read them by itself.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds; the origin has no meaning. */
  now(): number;
  /** Milliseconds since 1970, for people and log files. Jumps when the machine's clock is set. */
  wallTime(): number;
  after(ms: number, run: () => void): Timer;
}

export interface Random {
  /** 0 <= value < 1 */
  next(): number;
}

/** A clock that does not count some of the time. */
export interface RunningClock extends Clock {
  /** How much it has not counted. */
  readonly behindMs: number;
}

/** Between two looks at the clock of a process that has a timer every half second, so much is time that it did not run. */
const STALL_MS = 1500;

/**
 * The time that this process has run: what a debugger or a SIGSTOP takes from it does not count, so that no deadline passes meanwhile. Needs
 * somebody who looks at it every half second.
 */
export function runningClock(clock: Clock): RunningClock {
  let looked = clock.now();
  let stalled = 0;
  const now = (): number => {
    const time = clock.now();
    if (time - looked > STALL_MS) stalled += time - looked;
    looked = time;
    return time - stalled;
  };
  const after = (ms: number, run: () => void): Timer => {
    const due = now() + ms;
    let timer = clock.after(ms, again);
    function again(): void {
      const left = due - now();
      if (left <= 0) run();
      else timer = clock.after(left, again);
    }
    return { cancel: () => timer.cancel() };
  };
  return {
    now,
    wallTime: () => clock.wallTime(),
    after,
    get behindMs() {
      return stalled;
    },
  };
}

export interface ManualClock extends Clock {
  /** Runs every timer that falls due on the way, in order of time, those set meanwhile included. */
  advance(ms: number): void;
  /** How many timers are set. */
  readonly pending: number;
}

/** A clock that stands still until a test moves it. */
export function manualClock(): ManualClock {
  let time = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    now: () => time,
    wallTime: () => time,
    after(ms, run) {
      const timer = { at: time + Math.max(0, ms), run };
      timers.push(timer);
      return {
        cancel() {
          timers = timers.filter((other) => other !== timer);
        },
      };
    },
    advance(ms) {
      const end = time + ms;
      for (;;) {
        const due = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers = timers.filter((timer) => timer !== due);
        time = Math.max(time, due.at);
        due.run();
      }
      time = end;
    },
    get pending() {
      return timers.length;
    },
  };
}
