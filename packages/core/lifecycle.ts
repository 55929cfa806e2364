// Runs in: the manager. Owns: the table of a device's life. Pure: timers, processes and devices live outside.
import type { Random } from "./clock.ts";

export type DeviceState =
  | "unmatched" // no driver wants it
  | "available" // a driver wants it and nobody has asked for it
  | "starting" // a host is being given the device, until its probe returns
  | "running"
  | "suspended"
  | "stopped" // on request
  | "failed" // waits for its fence, then for its next start
  | "quarantined" // failed too often; waits for a person
  | "stuck" // the old process cannot be ended; nothing may start beside it
  | "gone"; // unplugged; the end: a device that comes back starts a new life

export interface FailureReason {
  kind: "crash" | "exit" | "signal" | "probe" | "heartbeat" | "deadline" | "malformed" | "memory" | "grant";
  text: string;
  /** A death the driver did not cause: a signal from outside, a SIGSTOP by a person. */
  outside: boolean;
}

export interface Life {
  readonly state: DeviceState;
  /** How often a driver was started on this device. */
  readonly incarnation: number;
  /** Failures since the last progress, by the driver's own fault and by others'. */
  readonly failures: number;
  readonly outsideFailures: number;
  /** Why the state is what it is, for people. */
  readonly reason: string;
  /** When the fence is up: start at once, start after `backoffMs`, or wait to be asked. */
  readonly nextStart: "now" | "back-off" | "never";
  /** No process of an earlier incarnation can touch the device any more. */
  readonly fenced: boolean;
}

export type LifeEvent =
  | { type: "matched"; autostart: boolean }
  | { type: "unmatched" }
  | { type: "start" } // a person, a rule, or the end of a back-off
  | { type: "withheld"; reason: string } // somebody else has got it meanwhile, and it is not to be taken from them
  | { type: "probed" }
  | { type: "declined"; reason: string; another: boolean } // the driver itself does not want it; is there another that may?
  | { type: "progress" } // a request completed, or `healthyMs` in health
  | { type: "failed"; reason: FailureReason }
  | { type: "fenced" }
  | { type: "fence-timeout" }
  | { type: "stop" }
  | { type: "restart" } // a person: another driver in place of the one that runs, or that waits to run
  | { type: "suspend" }
  | { type: "resume" }
  | { type: "gone" }
  | { type: "release-quarantine" };

export const limits = {
  failures: 5,
  outsideFailures: 20,
  /** So many deaths from outside in a row are followed by a start at once: they say nothing about the driver. */
  outsideAtOnce: 5,
  backoffMinMs: 250,
  backoffMaxMs: 30_000,
  healthyMs: 10_000,
  fenceMs: 5_000,
} as const;

/** A device that was just enumerated. */
export const newLife: Life = Object.freeze({
  state: "unmatched",
  incarnation: 0,
  failures: 0,
  outsideFailures: 0,
  reason: "",
  nextStart: "never",
  fenced: true,
});

type Step<E extends LifeEvent["type"]> = (life: Life, event: Extract<LifeEvent, { type: E }>) => Life;
type Row = { readonly [E in LifeEvent["type"]]?: Step<E> };

const forgiven = { failures: 0, outsideFailures: 0, reason: "" } as const;

const begin = (life: Life): Life => ({
  ...life,
  state: "starting",
  incarnation: life.incarnation + 1,
  nextStart: "never",
  fenced: false,
});

const fail: Step<"failed"> = (life, { reason }) => {
  const failures = life.failures + (reason.outside ? 0 : 1);
  const outsideFailures = life.outsideFailures + (reason.outside ? 1 : 0);
  const tooOften = failures >= limits.failures || outsideFailures >= limits.outsideFailures;
  const failed: Life = {
    ...life,
    state: "failed",
    failures,
    outsideFailures,
    reason: `${reason.kind}: ${reason.text}`,
  };
  return { ...failed, nextStart: tooOften ? "never" : setbacks(failed) <= 1 ? "now" : "back-off" };
};

// A stop is a person's: what comes after it is a new attempt.
const stop = (life: Life): Life => ({
  ...life,
  ...forgiven,
  state: "stopped",
  reason: "stopped on request",
  nextStart: "never",
});
const restart = (life: Life): Life => ({ ...stop(life), reason: "restarted on request", nextStart: "now" });
const restartWhenFenced = (life: Life): Life =>
  life.fenced ? begin({ ...life, ...forgiven }) : restart(life);
const remove = (life: Life): Life => ({ ...life, state: "gone", reason: "removed", nextStart: "never" });
const unmatch = (life: Life): Life => ({ ...life, ...forgiven, state: "unmatched", nextStart: "never" });
const unmatchWhenFenced = (life: Life): Life => (life.fenced ? unmatch(life) : life);

const stick = (life: Life): Life =>
  life.fenced
    ? life
    : {
        ...life,
        state: "stuck",
        reason: `incarnation ${life.incarnation} did not end within ${limits.fenceMs / 1000} s of being killed`,
        nextStart: "never",
      };

// A start that is asked for too early is remembered until the fence is up.
const startWhenFenced = (life: Life): Life => (life.fenced ? begin(life) : { ...life, nextStart: "now" });

const fenceUp = (life: Life): Life =>
  life.fenced ? life : life.nextStart === "now" ? begin(life) : { ...life, fenced: true };

const table: Record<DeviceState, Row> = {
  unmatched: {
    matched: (life, { autostart }) =>
      autostart ? startWhenFenced({ ...life, reason: "" }) : { ...life, state: "available" },
    stop: (life) => (life.nextStart === "now" ? stop(life) : life),
    fenced: fenceUp,
    "fence-timeout": stick,
    gone: remove,
  },
  available: {
    matched: (life, { autostart }) => (autostart ? startWhenFenced(life) : life),
    unmatched: unmatchWhenFenced,
    start: (life) => startWhenFenced({ ...life, reason: "" }),
    fenced: fenceUp,
    "fence-timeout": stick,
    gone: remove,
  },
  starting: {
    probed: (life) => ({ ...life, state: "running" }),
    withheld: (life, { reason }) => ({
      ...life,
      ...forgiven,
      state: "available",
      reason,
      nextStart: "never",
    }),
    declined: (life, { reason, another }) => ({
      ...unmatch(life),
      reason,
      nextStart: another ? "now" : "never",
    }),
    failed: fail,
    stop,
    restart,
    gone: remove,
  },
  running: {
    progress: (life) =>
      life.failures === 0 && life.outsideFailures === 0 && life.reason === ""
        ? life
        : { ...life, ...forgiven },
    failed: fail,
    stop,
    restart,
    suspend: (life) => ({ ...life, state: "suspended" }),
    gone: remove,
  },
  suspended: { resume: (life) => ({ ...life, state: "running" }), failed: fail, stop, restart, gone: remove },
  stopped: {
    start: (life) => startWhenFenced({ ...life, reason: "" }),
    restart: startWhenFenced,
    fenced: fenceUp,
    "fence-timeout": stick,
    stop: (life) => (life.nextStart === "never" ? life : { ...life, nextStart: "never" }),
    unmatched: unmatchWhenFenced,
    gone: remove,
  },
  failed: {
    start: (life) => (life.nextStart === "never" ? life : startWhenFenced(life)),
    fenced: (life) => {
      if (life.fenced) return life;
      if (life.nextStart === "now") return begin(life);
      if (life.nextStart === "back-off") return { ...life, fenced: true };
      const count = life.failures + life.outsideFailures;
      return {
        ...life,
        state: "quarantined",
        fenced: true,
        reason: `${count} failures in a row; the last: ${life.reason}`,
      };
    },
    "fence-timeout": stick,
    stop,
    restart: restartWhenFenced,
    unmatched: unmatchWhenFenced,
    gone: remove,
  },
  quarantined: {
    stop,
    "release-quarantine": (life) => ({ ...life, ...forgiven, state: "available" }),
    unmatched: unmatch,
    gone: remove,
  },
  // Should the process end after all, a person may start the device again; nothing else does.
  stuck: { fenced: (life) => ({ ...stop(life), fenced: true, reason: life.reason }), gone: remove },
  gone: { fenced: (life) => (life.fenced ? life : { ...life, fenced: true }) },
};

/** The life after `event`. An event that means nothing in this state gives back the same object. */
export function next(life: Life, event: LifeEvent): Life {
  const step = table[life.state][event.type] as ((life: Life, event: LifeEvent) => Life) | undefined;
  return step === undefined ? life : step(life, event);
}

/** How many of the failures in a row slow the next start down. */
export function setbacks({ failures, outsideFailures }: Life): number {
  return failures + Math.max(0, outsideFailures - limits.outsideAtOnce);
}

/** Milliseconds from the fence to the next start after so many `setbacks`: the first restart is at once. */
export function backoffMs(setbacks: number, random: Random): number {
  if (setbacks <= 1) return 0;
  // The upper half of the doubled time is left to chance, so that devices that failed together do not return together.
  const ceiling = Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** (setbacks - 2));
  return (ceiling / 2) * (1 + random.next());
}

/** A driver host has the device, or is being given it. */
export function hasHost({ state }: Life): boolean {
  return state === "starting" || state === "running" || state === "suspended";
}

/** A failure that is followed by the next start as soon as the fence is up. */
export function startsAtOnce({ state, fenced, nextStart }: Life): boolean {
  return state === "failed" && !fenced && nextStart === "now";
}

const finalStates: ReadonlySet<DeviceState> = new Set(["available", "stopped", "quarantined"]);

/** Fenced, and nothing will start again unless somebody asks for it. */
export function isFinal({ state, fenced }: Life): boolean {
  return fenced && finalStates.has(state);
}

/** Into a final state by a match: nobody had it. By a fence: told with the end of the incarnation. */
export const tellsOfNoLoss: ReadonlySet<LifeEvent["type"]> = new Set(["matched", "fenced"]);

/** SIGSTOP leaves nothing to ask. */
export function isHang({ kind, outside }: FailureReason): boolean {
  return !outside && (kind === "heartbeat" || kind === "deadline");
}
