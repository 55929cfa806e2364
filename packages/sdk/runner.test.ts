import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import type { Call, DriverUnit } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { createLog, type LogEntry } from "@ring3/core/log";
import { currentWait } from "./request-context.ts";
import { UnitRunner } from "./runner.ts";
import { sample } from "./test/sample-contract.ts";

type Unit = DriverUnit<typeof sample>;

function setUp(handlers: Partial<Unit> = {}) {
  const clock = manualClock();
  const entries: LogEntry[] = [];
  const log = createLog("test", (entry) => entries.push(entry), clock);
  const unit: Unit = {
    properties: { size: 1 },
    add: ({ a, b }) => ({ sum: a + b }),
    read: () => {},
    write: () => {},
    ...handlers,
  };
  let id = 0;
  const runner = new UnitRunner(sample, unit, { clock, log });
  const run = (operation: string, input: unknown, data?: Uint8Array, timeoutMs = 1000) =>
    runner.run(operation, input, { id: ++id, data, timeoutMs });
  return { clock, entries, runner, run };
}

/** A handler that goes on when told, or fails with its signal's reason. */
function gate() {
  const opened: (() => void)[] = [];
  const handler = (_: unknown, call: Call): Promise<void> =>
    new Promise((resolve, reject) => {
      opened.push(resolve);
      call.signal.addEventListener("abort", () => reject(call.signal.reason));
    });
  return { handler, opened };
}

test("a handler's answer at once is done before submit returns", () => {
  const { runner } = setUp();
  let sum: unknown;
  runner.submit({ id: 1, operation: "add", input: { a: 2, b: 3 }, timeoutMs: 10 }, ({ out }) => {
    sum = out;
  });
  assert.deepEqual(sum, { sum: 5 });
  assert.equal(runner.inFlight, 0);
});

test("a read that delivers less says so", async () => {
  const { run } = setUp({
    read: async (_, call) => {
      call.data.fill(7, 0, 3);
      call.length = 3;
    },
  });
  assert.deepEqual(await run("read", { at: 0 }, new Uint8Array(8)), { out: undefined, length: 3 });
});

test("handlers run one at a time, in order", async () => {
  const { handler, opened } = gate();
  const { run } = setUp({ write: handler });
  const all = [run("write", { at: 0 }), run("write", { at: 1 })];
  assert.equal(opened.length, 1);
  opened[0]!();
  await all[0];
  assert.equal(opened.length, 2);
  opened[1]!();
  await all[1];
});

test("concurrency 2 runs two handlers and queues the third", async () => {
  const { handler, opened } = gate();
  const { run } = setUp({ write: handler, concurrency: 2 });
  const all = [run("write", { at: 0 }), run("write", { at: 1 }), run("write", { at: 2 })];
  assert.equal(opened.length, 2);
  opened[1]!();
  await all[1];
  assert.equal(opened.length, 3);
  opened[0]!();
  opened[2]!();
  await Promise.all(all);
});

test("a deadline aborts the signal with timeout", async () => {
  const { handler } = gate();
  const { run, clock } = setUp({ write: handler });
  const request = run("write", { at: 0 });
  clock.advance(1000);
  await assert.rejects(request, { kind: "timeout" });
});

test("a queued request's time starts with its handler", async () => {
  const { handler, opened } = gate();
  const { run, clock } = setUp({ write: handler });
  const first = run("write", { at: 0 }, undefined, 5000);
  const second = run("write", { at: 1 });
  clock.advance(4000);
  opened[0]!();
  await first;
  clock.advance(999);
  assert.equal(opened.length, 2);
  clock.advance(1);
  await assert.rejects(second, { kind: "timeout" });
});

test("a request that is done leaves no timer behind", async () => {
  const { handler, opened } = gate();
  const { run, clock } = setUp({ write: handler });
  const request = run("write", { at: 0 });
  assert.equal(clock.pending, 1);
  opened[0]!();
  await request;
  assert.equal(clock.pending, 0);
});

test("cancel reaches running and queued requests; the running one ends when its handler does", async () => {
  const { handler } = gate();
  const { run, runner } = setUp({ write: handler });
  const all = [run("write", { at: 0 }), run("write", { at: 1 })];
  runner.cancel(2);
  runner.cancel(1);
  runner.cancel(99);
  await assert.rejects(all[1]!, { kind: "cancelled" });
  await assert.rejects(all[0]!, { kind: "cancelled" });
});

test("held, cancel reaches what waits at once, and no handler starts for it after the release", async () => {
  const { handler, opened } = gate();
  const { run, runner } = setUp({ write: handler });
  await runner.hold();
  const waiting = run("write", { at: 0 });
  runner.cancel(1);
  await assert.rejects(waiting, { kind: "cancelled" });
  runner.release();
  assert.equal(opened.length, 0);
});

test("a thrown DeviceError is kept; anything else is internal, with its stack logged", async () => {
  const { run, entries } = setUp({
    read: () => {
      throw new DeviceError("medium", "read");
    },
    write: () => Promise.reject(new RangeError("broken")),
  });
  await assert.rejects(run("read", { at: 0 }), { kind: "medium" });
  assert.equal(entries.length, 0);
  await assert.rejects(run("write", { at: 0 }), { kind: "internal", message: /^write/ });
  assert.match(entries[0]!.message, /RangeError: broken .*runner\.test/);
});

test("a missing, malformed or too long answer is internal and names the operation", async () => {
  const { run } = setUp({
    add: (() => ({ sum: -1 })) as Unit["add"],
    read: (_, call) => {
      call.length = call.data.length + 1;
    },
  });
  await assert.rejects(run("add", { a: 1, b: 1 }), { kind: "internal", message: /result of add: .*sum/ });
  await assert.rejects(run("read", { at: 0 }, new Uint8Array(4)), {
    kind: "internal",
    message: /call\.length of read: expected 0 to 4, found 5/,
  });
  const missing = setUp({ add: (() => {}) as unknown as Unit["add"] });
  await assert.rejects(missing.run("add", { a: 1, b: 1 }), {
    kind: "internal",
    message: /result of add: expected an object, found undefined/,
  });
});

test("an operation that the unit lacks is unsupported", async () => {
  await assert.rejects(setUp().run("trim", undefined), { kind: "unsupported" });
  await assert.rejects(setUp().run("properties", undefined), { kind: "unsupported" });
});

test("close cancels what runs, waits for it, and refuses what comes", async () => {
  const { handler } = gate();
  const { run, runner } = setUp({ write: handler });
  const running = run("write", { at: 0 });
  const closed = runner.close(new DeviceError("disconnected", "remove"));
  await assert.rejects(running, { kind: "disconnected" });
  await closed;
  await assert.rejects(run("write", { at: 0 }), { kind: "disconnected" });
});

test("the current request's wait is the handler's own, also behind an await", async () => {
  const seen: unknown[] = [];
  const { run } = setUp({
    write: async (_, call) => {
      await null;
      seen.push(currentWait() === call);
    },
  });
  await run("write", { at: 0 });
  assert.deepEqual(seen, [true]);
  assert.equal(currentWait(), undefined);
});
