// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { playedDriver } from "@ring3/client/trace/played-driver.fixture";
import type { Trace } from "@ring3/control/trace";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { createTracer } from "./tracer.ts";

const never = new AbortController().signal;

function setUp(limit?: number) {
  const clock = manualClock();
  const { lend, works } = playedDriver(clock);
  const asked: string[] = [];
  let begun = false;
  const state = { gone: false };
  const trace = async (device: string): Promise<{ result: Trace; fds: Descriptor[] }> => {
    if (state.gone) throw new DeviceError("invalid", `${device} is not there`);
    const begins = begun ? null : { driver: "usb-storage", operations: [{ nr: 1, name: "read" }] };
    const running = {
      kind: "state",
      timeUs: 0,
      state: "running",
      reason: "",
      incarnation: 1,
      hostPid: 7,
    } as const;
    const fds = begun ? [] : [lend()];
    const news = begun ? [] : [running];
    begun = true;
    return { result: { device, begins, news, lost: 0 }, fds };
  };
  const ask = (async (method: string) => {
    asked.push(method);
    begun = false;
    return {};
  }) as unknown as ManagerConnection["ask"];
  const tracer = createTracer({ ask, trace }, clock, limit);
  /** Real turns between: answers are promises. */
  const pass = async (ms: number, work = () => {}) => {
    for (let done = 0; done < ms; done += 10) {
      work();
      clock.advance(10);
      await new Promise(setImmediate);
    }
  };
  return { clock, asked, state, tracer, pass, works };
}

test("a trace of ten seconds is a file that its viewer reads, and the device is traced no more", async () => {
  const { asked, tracer, pass, works } = setUp();
  let done = false;
  const made = tracer("usb-1-4:1.0", never).finally(() => {
    done = true;
  });
  await pass(9900, works);
  assert.equal(done, false);
  await pass(400, works);
  const { name, json } = await made;
  assert.equal(name, "trace-usb-1-4_1.0.json");
  const { traceEvents, otherData } = JSON.parse(json);
  assert.ok(traceEvents.filter(({ ph }: { ph: string }) => ph === "X").length > 900);
  assert.deepEqual(otherData, {
    device: "usb-1-4:1.0",
    lost: 0,
    refused: 0,
    left: 0,
    clock: "CLOCK_MONOTONIC",
  });
  assert.deepEqual(asked, ["endTrace"]);
});

test("one at a time; then another may be made", async () => {
  const { tracer, pass } = setUp();
  const made = tracer("a", never);
  await assert.rejects(tracer("b", never), { kind: "busy", message: /a is being traced/ });
  await pass(10_500);
  await made;
  const next = tracer("b", never);
  await pass(10_500);
  assert.equal((await next).name, "trace-b.json");
});

test("whose page leaves ends it, and so does a device that goes", async () => {
  const { asked, state, tracer, pass } = setUp();
  const leaves = new AbortController();
  const left = tracer("a", leaves.signal);
  await pass(100);
  leaves.abort();
  await pass(50);
  await left;
  const goes = tracer("a", never);
  await pass(300);
  state.gone = true;
  await pass(200);
  await goes;
  assert.deepEqual(asked, ["endTrace", "endTrace"]);
});

test("what is not there cannot be traced, and keeps nobody from it later", async () => {
  const { state, tracer, pass } = setUp();
  state.gone = true;
  await assert.rejects(tracer("a", never), { kind: "invalid" });
  state.gone = false;
  const made = tracer("a", never);
  await pass(10_500);
  await made;
});

test("more than a page should hold ends it early, whole and with the number of what was left out", async () => {
  const { clock, tracer, pass, works } = setUp(100_000);
  const made = tracer("a", never);
  await pass(9000, () => {
    for (let times = 0; times < 5; times++) works();
  });
  const { json } = await made;
  assert.ok(clock.now() <= 9100);
  assert.ok(json.length > 100_000 && json.length < 300_000, String(json.length));
  assert.ok(JSON.parse(json).otherData.left > 0);
});
