// Runs in: every process; passed in from its main. Owns: the real time, the real timers, the real randomness.
import type { Clock, Random } from "@ring3/core/clock";

const MAX_TIMEOUT_MS = 2 ** 31 - 1; // beyond this Node fires at once; 24 days stand for "later than anyone waits"

export const systemClock: Clock = {
  now() {
    // `performance` would cost a host 2 ms of its start.
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
  wallTime: () => Date.now(),
  after(ms, run) {
    if (ms <= 0) {
      // The loop's next turn: setTimeout(0) would cost a whole millisecond.
      const turn = setImmediate(run);
      return { cancel: () => clearImmediate(turn) };
    }
    const timer = setTimeout(run, Math.min(ms, MAX_TIMEOUT_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};

export const systemRandom: Random = { next: () => Math.random() };
