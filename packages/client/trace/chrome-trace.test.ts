// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kindCode } from "@ring3/core/errors";
import fc from "fast-check";
import type { DriverItem, RequestItem, TraceItem } from "../trace-item.ts";
import { ChromeTrace } from "./chrome-trace.ts";
import type { TraceEvent } from "./tracks.ts";

const none = { a: 0, b: 0, c: 0, d: 0, e: 0, f: 0, text: "" };
const request = (
  timeUs: number,
  kind: RequestItem["kind"],
  values: Partial<RequestItem> = {},
): RequestItem => ({ type: "request", client: 1, ...none, timeUs, kind, ...values });
const driver = (timeUs: number, kind: DriverItem["kind"], values: Partial<DriverItem> = {}): DriverItem => ({
  type: "driver",
  ...none,
  timeUs,
  kind,
  ...values,
});
const state = (timeUs: number, state: "starting" | "running" | "failed", incarnation: number): TraceItem => ({
  type: "state",
  timeUs,
  state,
  reason: "\x1b[31mred",
  incarnation,
  hostPid: state === "running" ? 40 + incarnation : null,
});

const beginning: readonly TraceItem[] = [
  {
    type: "begins",
    device: "usb-1:1.0",
    driver: "usb-storage",
    operations: [
      { nr: 1, name: "read" },
      { nr: 2, name: "write" },
    ],
  },
  { type: "client", client: 1, name: "the block reflector", pid: 30, reflector: "block" },
  { type: "channel", client: 1, channel: 9, hostChannel: 5 },
  state(0, "running", 1),
];

/** A read of 4096 bytes by process 20 in slot 7: it arrives at 100 and is answered at 200. */
const receives = [
  request(100, "receive", { a: 1, b: 1, c: 4096, d: 512, e: 1, f: 20 }),
  request(101, "part", { a: 1, b: 3, c: 7 }),
  request(102, "submit", { a: 3, b: 7, c: 1, d: 4096 }),
];
const sends = (timeUs: number, channel = 9) => request(timeUs, "send", { a: 3, b: 7, c: channel });
const completes = [request(190, "complete", { a: 3, b: 7, c: 0 }), request(200, "reply", { a: 1, b: 0 })];
const handles = [
  driver(110, "request", { a: 5, b: 7, c: 1 }),
  driver(120, "submit", { a: 77, b: 0x81, c: 4096, d: 5, e: 7 }),
  driver(150, "reap", { a: 77, b: 4096, c: 0 }),
  driver(180, "answer", { a: 5, b: 7, c: 0 }),
];

function traceOf(items: readonly TraceItem[], endUs = 1000) {
  const events: TraceEvent[] = [];
  const trace = new ChromeTrace((event) => events.push(event));
  for (const item of items) trace.take(item);
  trace.finish(endUs);
  const processes = new Map<number, string>();
  for (const { name, pid, args } of events)
    if (name === "process_name") processes.set(pid, String(args!.name));
  const slices = events
    .filter(({ ph }) => ph === "X")
    .map(({ pid, name, ts, dur, args }) => ({ on: processes.get(pid)!, name, ts, end: ts! + dur!, args }));
  const flows = (id: number) =>
    events
      .filter((event) => event.cat === "request" && event.id === id)
      .toSorted((a, b) => a.ts! - b.ts!)
      .map(({ ph, pid }) => `${ph} ${processes.get(pid)}`);
  return { trace, events, slices, flows, processes };
}

function flowsAreWithinSlices(events: readonly TraceEvent[]): void {
  for (const { pid, tid, ts } of events.filter(({ cat }) => cat === "request"))
    assert.ok(
      events.some(
        (slice) =>
          slice.ph === "X" &&
          slice.pid === pid &&
          slice.tid === tid &&
          slice.ts! <= ts! &&
          ts! < slice.ts! + slice.dur!,
      ),
    );
}

test("a request is one chain of nested slices, from application to device, with one flow", () => {
  const items = [...beginning, ...receives, sends(103), ...handles, ...completes];
  const { slices, flows, events, trace } = traceOf(items);
  flowsAreWithinSlices(events);
  assert.deepEqual(
    slices.map(({ on, name, ts, end }) => [on, name, ts, end]),
    [
      ["kernel surface of usb-1:1.0", "endpoint 1 in", 120, 150],
      ["driver host of usb-storage, incarnation 1 (process 41)", "read", 110, 180],
      ["the block reflector (process 30)", "read", 102, 190],
      ["application (process 20)", "read", 100, 200],
    ],
  );
  assert.deepEqual(slices[3]!.args, { bytes: 4096, offset: 2 ** 32 + 512, outcome: "done" });
  assert.deepEqual(slices[0]!.args, {
    transfer: 77,
    bytes: 4096,
    incarnation: 1,
    moved: 4096,
    outcome: "done",
  });
  assert.deepEqual(flows(1), [
    "s application (process 20)",
    "t the block reflector (process 30)",
    "t driver host of usb-storage, incarnation 1 (process 41)",
    "t kernel surface of usb-1:1.0",
    "f the block reflector (process 30)",
  ]);
  assert.deepEqual([trace.requests, trace.refused], [1, 0]);
});

test("an application with a channel of its own begins the flow", () => {
  const [begins, , ...others] = beginning;
  const application: TraceItem = { type: "client", client: 1, name: "process 8", pid: 8, reflector: null };
  const [, , submit] = receives;
  const { flows } = traceOf([
    begins!,
    application,
    ...others,
    submit!,
    sends(103),
    ...handles,
    completes[0]!,
  ]);
  assert.deepEqual(
    [flows(1)[0], flows(1).at(-1)],
    ["s application (process 8)", "f application (process 8)"],
  );
});

test("a driver's death ends what it had in hand, and its successor's part is of the same flow", () => {
  const { slices, flows } = traceOf([
    ...beginning,
    ...receives,
    sends(103),
    ...handles.slice(0, 2),
    state(130, "failed", 1),
    state(131, "starting", 2),
    { type: "channel", client: 1, channel: 10, hostChannel: 6 },
    sends(140, 10),
    driver(145, "request", { a: 6, b: 7, c: 1 }),
    driver(180, "answer", { a: 6, b: 7, c: kindCode("io") }),
    ...completes,
  ]);
  const lost = slices.filter(({ args }) => args!.outcome === "its driver has ended");
  assert.deepEqual(
    lost.map(({ name, end }) => [name, end]),
    [
      ["endpoint 1 in", 130],
      ["read", 130],
    ],
  );
  const again = slices.find(({ on }) => on === "driver host of usb-storage, incarnation 2")!;
  assert.deepEqual([again.ts, again.args!.outcome], [145, "io"]);
  assert.deepEqual(flows(1), [
    "s application (process 20)",
    "t the block reflector (process 30)",
    "t driver host of usb-storage, incarnation 1 (process 41)",
    "t kernel surface of usb-1:1.0",
    "t driver host of usb-storage, incarnation 2",
    "f the block reflector (process 30)",
  ]);
  assert.equal(slices.find(({ on }) => on.startsWith("the block reflector"))!.args!.sent, 2);
});

test("a driver's states are instants in words that a terminal bears", () => {
  const { events, processes } = traceOf([...beginning, state(130, "failed", 1)]);
  const instants = events.filter(({ ph }) => ph === "i");
  assert.deepEqual(
    instants.map(({ name, pid, ts, args }) => [processes.get(pid)!.split(" ")[0], name, ts, args!.reason]),
    [
      ["manager,", "running", 0, "[31mred"],
      ["driver", "running", 0, "[31mred"],
      ["manager,", "failed", 130, "[31mred"],
      ["driver", "failed", 130, "[31mred"],
    ],
  );
});

test("a request that waits for its turn is its handler's from there on, and so is its flow", () => {
  const { slices, events } = traceOf([
    ...beginning,
    ...receives,
    sends(103),
    driver(110, "request", { a: 5, b: 7, c: 2 }),
    driver(150, "turn", { a: 5, b: 7 }),
    driver(180, "answer", { a: 5, b: 7 }),
  ]);
  assert.deepEqual([slices[0]!.ts, slices[0]!.end, slices[0]!.args!.waitedUs], [150, 180, 40]);
  flowsAreWithinSlices(events);
});

test("slices of a thread never overlap, and threads are used again", () => {
  const items = [1, 2, 3].map((tag) => driver(100 + tag, "request", { a: 5, b: tag, c: 1 }));
  const answers = [2, 1, 3].map((tag, at) => driver(110 + at, "answer", { a: 5, b: tag }));
  const later = [driver(120, "request", { a: 5, b: 9, c: 1 }), driver(121, "answer", { a: 5, b: 9 })];
  const { events } = traceOf([...beginning, ...items, ...answers, ...later]);
  const threads = new Set(events.filter(({ ph }) => ph === "X").map(({ tid }) => tid));
  assert.equal(threads.size, 3);
});

test("what happens within one microsecond is apart, in order, and its flow within its slices", () => {
  const all = [...receives, sends(103), ...handles, ...completes].map((item) => ({ ...item, timeUs: 100 }));
  const { events, flows } = traceOf([...beginning, ...all, ...all]);
  const slices = events.filter(({ ph }) => ph === "X");
  assert.equal(slices.length, 8);
  assert.equal(new Set(slices.map(({ tid }) => tid)).size, 8);
  for (const flow of [1, 2])
    assert.deepEqual(
      flows(flow).map((step) => step.split(" ").slice(0, 2).join(" ")),
      ["s application", "t the", "t driver", "t kernel", "f the"],
    );
  flowsAreWithinSlices(events);
});

test("what was not over is ended, and says so", () => {
  const { slices } = traceOf([...beginning, ...receives], 5000);
  assert.deepEqual(
    slices.map(({ end, args }) => [end, args!.outcome]),
    Array(2).fill([5000, "not over when the trace ended"]),
  );
});

test("requests of a client that has ended end with it", () => {
  const { slices } = traceOf([...beginning, ...receives, { type: "left", client: 1, timeUs: 300 }]);
  assert.deepEqual(
    slices.map(({ end }) => end),
    [300, 300],
  );
});

test("log lines are instants, without what drives terminals", () => {
  const { events } = traceOf([...beginning, driver(5, "log", { text: "\x1b[2Jhello" })]);
  assert.ok(events.some(({ ph, name, ts }) => ph === "i" && name === "[2Jhello" && ts === 5));
});

const number = fc.oneof(fc.nat(3), fc.nat(0xffff_ffff));
const values = fc.record({ a: number, b: number, c: number, d: number, e: number, f: number });
const anything: fc.Arbitrary<TraceItem> = fc.oneof(
  fc.constantFrom(...beginning, state(50, "failed", 1), state(60, "starting", 2)),
  fc
    .tuple(
      fc.constantFrom("request", "answer", "submit", "reap", "log", "turn"),
      values,
      fc.nat(1000),
      fc.string(),
    )
    .map(([kind, all, timeUs, text]) => driver(timeUs, kind as DriverItem["kind"], { ...all, text })),
  fc
    .tuple(
      fc.constantFrom("receive", "part", "reply", "submit", "send", "complete"),
      values,
      fc.nat(1000),
      fc.nat(2),
    )
    .map(([kind, all, timeUs, client]) => request(timeUs, kind as RequestItem["kind"], { ...all, client })),
);

test("whatever is recorded: events are whole, slices of a thread apart, flows within slices", () => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 60 }), (items) => {
      const inOrder = items.toSorted(
        (a, b) => ("timeUs" in a ? a.timeUs : 0) - ("timeUs" in b ? b.timeUs : 0),
      );
      const { events } = traceOf(inOrder);
      assert.deepEqual(JSON.parse(JSON.stringify(events)), events);
      const slices = events.filter(({ ph }) => ph === "X");
      for (const { pid, tid, ts, dur } of slices) assert.ok(pid > 0 && tid > 0 && ts! >= 0 && dur! > 0);
      flowsAreWithinSlices(events);
      const byThread = Map.groupBy(slices, ({ tid }) => tid);
      for (const all of byThread.values()) {
        const sorted = all.toSorted((a, b) => a.ts! - b.ts!);
        for (const [at, { ts }] of sorted.entries())
          if (at > 0) assert.ok(sorted[at - 1]!.ts! + sorted[at - 1]!.dur! <= ts!);
      }
    }),
    { numRuns: 500 },
  );
});

test("an endless number of requests that never end is refused, and no memory's end", () => {
  const { trace } = traceOf(beginning);
  for (let id = 0; id < 50_000; id++) {
    trace.take(request(id, "receive", { a: id, f: id }));
    trace.take(request(id, "part", { a: id, b: id, c: id }));
    trace.take(driver(id, "submit", { a: id }));
  }
  assert.ok(trace.refused > 100_000, String(trace.refused));
});
