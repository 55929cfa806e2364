// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  backoffMs,
  type DeviceState,
  type FailureReason,
  type Life,
  type LifeEvent,
  limits,
  newLife,
  next,
} from "./lifecycle.ts";

const crash: FailureReason = { kind: "crash", text: "SIGSEGV", outside: false };
const killed: FailureReason = { kind: "signal", text: "SIGKILL", outside: true };

const events = {
  auto: { type: "matched", autostart: true },
  matched: { type: "matched", autostart: false },
  unmatched: { type: "unmatched" },
  start: { type: "start" },
  withheld: { type: "withheld", reason: "usb-storage has it" },
  probed: { type: "probed" },
  declined: { type: "declined", reason: "usb-storage: no disk", another: false },
  passed: { type: "declined", reason: "usb-storage: no disk", another: true },
  progress: { type: "progress" },
  failed: { type: "failed", reason: crash },
  killed: { type: "failed", reason: killed },
  fenced: { type: "fenced" },
  late: { type: "fence-timeout" },
  stop: { type: "stop" },
  restart: { type: "restart" },
  suspend: { type: "suspend" },
  resume: { type: "resume" },
  gone: { type: "gone" },
  release: { type: "release-quarantine" },
} as const satisfies Record<string, LifeEvent>;

const life = (state: DeviceState, rest: Partial<Life> = {}): Life => ({
  ...newLife,
  state,
  incarnation: 3,
  ...rest,
});
const busy = { fenced: false } as const;

// Every kind of life there is, and where each event takes it. What is not listed leaves the life as it is, to the very object.
// "!" marks a new start, "~" a life that is not fenced; "=now" and "=back-off" say what follows the fence or the back-off.
const table: Record<string, { from: Life; to: Partial<Record<keyof typeof events, string>> }> = {
  unmatched: { from: life("unmatched"), to: { auto: "starting!~", matched: "available", gone: "gone" } },
  "unmatched, not fenced": {
    from: life("unmatched", { ...busy, reason: "usb-storage: no disk" }),
    to: {
      auto: "unmatched~=now",
      matched: "available~",
      fenced: "unmatched",
      late: "stuck~",
      gone: "gone~",
    },
  },
  "unmatched, not fenced, matched": {
    from: life("unmatched", { ...busy, nextStart: "now" }),
    to: {
      auto: "unmatched~=now",
      matched: "available~=now",
      stop: "stopped~",
      fenced: "starting!~",
      late: "stuck~",
      gone: "gone~",
    },
  },
  available: {
    from: life("available"),
    to: { auto: "starting!~", unmatched: "unmatched", start: "starting!~", gone: "gone" },
  },
  "available, not fenced": {
    from: life("available", { ...busy, reason: "usb-storage has it" }),
    to: {
      auto: "available~=now",
      start: "available~=now",
      fenced: "available",
      late: "stuck~",
      gone: "gone~",
    },
  },
  "available, not fenced, start asked for": {
    from: life("available", { ...busy, nextStart: "now" }),
    to: {
      auto: "available~=now",
      start: "available~=now",
      fenced: "starting!~",
      late: "stuck~",
      gone: "gone~",
    },
  },
  starting: {
    from: life("starting", busy),
    to: {
      withheld: "available~",
      probed: "running~",
      declined: "unmatched~",
      passed: "unmatched~=now",
      failed: "failed~=now",
      killed: "failed~=now",
      stop: "stopped~",
      restart: "stopped~=now",
      gone: "gone~",
    },
  },
  running: {
    from: life("running", busy),
    to: {
      failed: "failed~=now",
      killed: "failed~=now",
      stop: "stopped~",
      restart: "stopped~=now",
      suspend: "suspended~",
      gone: "gone~",
    },
  },
  "running after failures": {
    from: life("running", { ...busy, failures: 2, outsideFailures: 1, reason: "crash: SIGSEGV" }),
    to: {
      progress: "running~",
      failed: "failed~=back-off",
      killed: "failed~=back-off",
      stop: "stopped~",
      restart: "stopped~=now",
      suspend: "suspended~",
      gone: "gone~",
    },
  },
  "running, one failure from the limit": {
    from: life("running", {
      ...busy,
      failures: limits.failures - 1,
      outsideFailures: limits.outsideFailures - 1,
    }),
    to: {
      progress: "running~",
      failed: "failed~",
      killed: "failed~",
      stop: "stopped~",
      restart: "stopped~=now",
      suspend: "suspended~",
      gone: "gone~",
    },
  },
  suspended: {
    from: life("suspended", busy),
    to: {
      resume: "running~",
      failed: "failed~=now",
      killed: "failed~=now",
      stop: "stopped~",
      restart: "stopped~=now",
      gone: "gone~",
    },
  },
  "stopped, not fenced": {
    from: life("stopped", busy),
    to: { start: "stopped~=now", restart: "stopped~=now", fenced: "stopped", late: "stuck~", gone: "gone~" },
  },
  "stopped, not fenced, start asked for": {
    from: life("stopped", { ...busy, nextStart: "now" }),
    to: {
      start: "stopped~=now",
      restart: "stopped~=now",
      fenced: "starting!~",
      stop: "stopped~",
      late: "stuck~",
      gone: "gone~",
    },
  },
  "stopped, fenced": {
    from: life("stopped"),
    to: { start: "starting!~", restart: "starting!~", unmatched: "unmatched", gone: "gone" },
  },
  "failed once": {
    from: life("failed", { ...busy, failures: 1, nextStart: "now" }),
    to: {
      start: "failed~=now",
      fenced: "starting!~",
      late: "stuck~",
      stop: "stopped~",
      restart: "stopped~=now",
      gone: "gone~",
    },
  },
  "failed again": {
    from: life("failed", { ...busy, failures: 2, nextStart: "back-off" }),
    to: {
      start: "failed~=now",
      fenced: "failed=back-off",
      late: "stuck~",
      stop: "stopped~",
      restart: "stopped~=now",
      gone: "gone~",
    },
  },
  "failed again, fenced, backing off": {
    from: life("failed", { failures: 2, nextStart: "back-off" }),
    to: { start: "starting!~", restart: "starting!~", stop: "stopped", unmatched: "unmatched", gone: "gone" },
  },
  "failed too often": {
    from: life("failed", { ...busy, failures: limits.failures }),
    to: { fenced: "quarantined", late: "stuck~", stop: "stopped~", restart: "stopped~=now", gone: "gone~" },
  },
  quarantined: {
    from: life("quarantined", { failures: limits.failures }),
    to: { release: "available", stop: "stopped", unmatched: "unmatched", gone: "gone" },
  },
  stuck: { from: life("stuck", busy), to: { fenced: "stopped", gone: "gone~" } },
  "gone, not fenced": { from: life("gone", busy), to: { fenced: "gone" } },
  gone: { from: life("gone"), to: {} },
};

const shown = (before: Life, after: Life): string =>
  after.state +
  (after.incarnation > before.incarnation ? "!" : "") +
  (after.fenced ? "" : "~") +
  (after.nextStart === "never" ? "" : `=${after.nextStart}`);

for (const [name, { from, to }] of Object.entries(table)) {
  test(`${name}: every event leads where the table says`, () => {
    const names = Object.keys(events) as (keyof typeof events)[];
    const found = names.map((event) => [event, shown(from, next(from, events[event]))]);
    assert.deepEqual(
      found,
      names.map((event) => [event, to[event] ?? shown(from, from)]),
    );
    const kept = names.filter((event) => to[event] === undefined);
    assert.deepEqual(
      kept.filter((event) => next(from, events[event]) !== from),
      [],
    );
  });
}

test("the table has a row for every state", () => {
  const states = new Set(Object.values(table).map(({ from }) => from.state));
  assert.equal(states.size, 10);
});

const walk = (from: Life, ...steps: (keyof typeof events)[]): Life =>
  steps.reduce((at, step) => next(at, events[step]), from);

test("five failures without progress end in quarantine, and a released device starts with a clean record", () => {
  const round = ["failed", "fenced", "start", "probed"] as const;
  const four = walk(newLife, "auto", ...round, ...round, ...round, ...round);
  assert.deepEqual([four.state, four.incarnation, four.failures], ["running", 5, 4]);
  const five = walk(four, "failed", "fenced", "start");
  assert.deepEqual([five.state, five.failures], ["quarantined", 5]);
  assert.equal(five.reason, "5 failures in a row; the last: crash: SIGSEGV");
  const again = walk(five, "release", "start", "probed", "failed");
  assert.deepEqual([again.incarnation, again.failures, again.nextStart], [6, 1, "now"]);
});

test("a restart by a person forgives, and begins once the driver before is fenced or its back-off is broken off", () => {
  const four = life("running", { ...busy, failures: limits.failures - 1 });
  const ended = walk(four, "restart");
  assert.deepEqual([ended.state, ended.nextStart, ended.failures], ["stopped", "now", 0]);
  assert.deepEqual([walk(ended, "fenced").state, walk(ended, "fenced").incarnation], ["starting", 4]);
  const waiting = walk(life("running", { ...busy, failures: 2 }), "failed", "fenced");
  assert.deepEqual([waiting.nextStart, walk(waiting, "restart").state], ["back-off", "starting"]);
});

test("a stop by a person forgives, so that the next start does not fall into quarantine at once", () => {
  const four = life("running", { ...busy, failures: limits.failures - 1 });
  const again = walk(four, "failed", "stop", "fenced", "start", "probed", "failed");
  assert.deepEqual([again.failures, again.nextStart], [1, "now"]);
});

test("progress between failures keeps every restart immediate", () => {
  const round = ["failed", "fenced", "probed", "progress"] as const;
  const end = Array.from({ length: 50 }).reduce(
    (at: Life) => walk(at, ...round),
    walk(newLife, "auto", "probed"),
  );
  assert.deepEqual([end.state, end.incarnation, end.failures, end.reason], ["running", 51, 0, ""]);
});

test("deaths from outside do not count as the driver's and have a limit of their own", () => {
  const round = ["killed", "fenced", "start", "probed"] as const;
  const nineteen = Array.from({ length: 19 }).reduce(
    (at: Life) => walk(at, ...round),
    walk(newLife, "auto", "probed"),
  );
  assert.deepEqual([nineteen.state, nineteen.failures, nineteen.outsideFailures], ["running", 0, 19]);
  assert.equal(walk(nineteen, "killed", "fenced").state, "quarantined");
});

test("the first deaths from outside are followed by starts at once, later ones by a back-off", () => {
  const deaths = Array.from({ length: 7 }, (_, index) =>
    life("running", { ...busy, outsideFailures: index }),
  );
  assert.deepEqual(
    deaths.map((at) => next(at, events.killed).nextStart),
    ["now", "now", "now", "now", "now", "now", "back-off"],
  );
});

test("a process that does not end makes the device stuck and says which incarnation", () => {
  const stuck = walk(newLife, "auto", "probed", "failed", "late");
  assert.deepEqual(
    [stuck.state, stuck.reason],
    ["stuck", "incarnation 1 did not end within 5 s of being killed"],
  );
});

test("any sequence of events keeps the promises of the lifecycle", () => {
  const { failed, killed, fenced, start, probed } = events;
  const anyEvent = fc.oneof(
    fc.constantFrom(...Object.values<LifeEvent>(events)),
    // Chance alone hardly ever fails five times in a row.
    { weight: 4, arbitrary: fc.constantFrom<LifeEvent>(failed, killed, fenced, start, probed) },
  );
  const ended = new Set<DeviceState>(["unmatched", "available", "failed", "stopped", "stuck", "gone"]); // only then does a manager report a fence
  const reached = new Set<DeviceState>();
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 200, size: "max" }), (steps) => {
      let now = newLife;
      let alive = false; // a process of the last incarnation may exist
      for (const event of steps) {
        const before = now;
        now = next(before, event);
        const began = now.incarnation - before.incarnation;
        reached.add(now.state);
        alive = began === 1 || (alive && !(event.type === "fenced" && ended.has(before.state)));
        assert.ok(
          began === 0 || (began === 1 && now.state === "starting"),
          "incarnation rises by one, into starting",
        );
        assert.ok(began === 0 || before.fenced || event.type === "fenced", "no start without a fence");
        assert.ok(
          began === 0 ||
            (before.state !== "stuck" && before.state !== "gone" && before.state !== "quarantined"),
        );
        assert.ok(now.failures <= limits.failures && now.outsideFailures <= limits.outsideFailures);
        assert.ok(
          now.state !== "running" ||
            (now.failures < limits.failures && now.outsideFailures < limits.outsideFailures),
        );
        assert.ok(before.state !== "gone" || now.state === "gone", "gone is the end");
        assert.ok(!now.fenced || !alive, "fenced only when nothing can be alive");
        assert.ok(
          now.nextStart === "never" || ["failed", "stopped", "available", "unmatched"].includes(now.state),
        );
        assert.ok(
          now.state !== "starting" || before.state === "starting" || began === 1,
          "the only way into starting is a start",
        );
      }
    }),
    { numRuns: 1000 },
  );
  assert.equal(reached.size, 10);
});

test("the first restart is at once, later ones double from 250 ms with jitter, none later than 30 s", () => {
  const least = { next: () => 0 };
  const most = { next: () => 1 - 2 ** -53 };
  assert.deepEqual(
    [0, 1].map((n) => backoffMs(n, most)),
    [0, 0],
  );
  assert.deepEqual(
    [2, 3, 4, 5].map((n) => backoffMs(n, least)),
    [125, 250, 500, 1000],
  );
  assert.deepEqual(
    [2, 3, 4, 5, 9, 1000].map((n) => Math.round(backoffMs(n, most))),
    [250, 500, 1000, 2000, 30000, 30000],
  );
});
