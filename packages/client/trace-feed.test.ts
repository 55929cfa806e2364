// Runs in: tests. Owns: a manager that the test plays, and real memories in which a driver and a client record.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientRecorder } from "@ring3/channel/client-recorder";
import {
  DEVICE_MEMORY_BYTES,
  DeviceMemory,
  HostDeviceMemory,
  RECORDER_OFFSET,
} from "@ring3/channel/device-memory";
import { RING_ENTRIES } from "@ring3/channel/entry-ring";
import type { Trace, TraceNews } from "@ring3/control/trace";
import { type ManualClock, manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { type Descriptor, duplicate } from "@ring3/kernel/fd/descriptor";
import { mapFixed } from "@ring3/kernel/shm/memory";
import { TraceFeed } from "./trace-feed.ts";
import type { TraceItem } from "./trace-item.ts";

const begins = { driver: "usb-storage", operations: [{ nr: 1, name: "read" }] };
const state = (timeUs: number): TraceNews => ({
  kind: "state",
  timeUs,
  state: "running",
  reason: "",
  incarnation: 1,
  hostPid: 9,
});
const client = { kind: "client", client: 5, name: "process 7", pid: 7, reflector: null } as const;

function setUp() {
  const clock = manualClock();
  clock.advance(1000);
  const memory = new DeviceMemory();
  const own = duplicate(memory.fd);
  const host = new HostDeviceMemory(own, 0, clock);
  own.close();
  const application = new ClientRecorder(() => clock.now());
  const given: TraceItem[] = [];
  /** What the manager answers next; an error for good. */
  const answers: { news: TraceNews[]; begins?: boolean; fds?: Descriptor[]; lost?: number }[] = [];
  let refusal: DeviceError | undefined;
  const connection = {
    async trace(): Promise<{ result: Trace; fds: Descriptor[] }> {
      if (refusal !== undefined) throw refusal;
      const { news, begins: anew = false, fds = [], lost = 0 } = answers.shift() ?? { news: [] };
      return { result: { device: "usb-1:1.0", begins: anew ? begins : null, news, lost }, fds };
    },
  };
  const feed = new TraceFeed(connection, "usb-1", clock, (item) => given.push(item));
  const refuse = (error: DeviceError) => {
    refusal = error;
  };
  return { clock, memory, host, application, given, answers, feed, refuse };
}

/** Lets time pass as it does: what was asked meanwhile is answered. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 2) {
    clock.advance(2);
    await Promise.resolve();
    await Promise.resolve();
    await new Promise(setImmediate);
  }
}

const said = (items: readonly TraceItem[]) =>
  items.map((item) => ("kind" in item ? `${item.kind} ${item.timeUs}` : item.type));

test("what driver, client and manager say is given in the order of time, each of them once", async () => {
  const { clock, memory, host, application, given, answers, feed } = setUp();
  host.recorder.request(1, 1, 1, 512); // before the trace
  clock.advance(1);
  answers.push({ news: [state(7)], begins: true, fds: [memory.lend()] });
  const began: string[] = [];
  assert.equal(await feed.start((device) => began.push(device)), "usb-1:1.0");
  assert.deepEqual(began, ["usb-1:1.0"]);
  const session = application.session(() => 3);
  session.submitted(2, 1, 512);
  answers.push({
    news: [{ kind: "channel", client: 5, channel: 3, hostChannel: 1 }, client],
    fds: [duplicate(application.memory.fd.fd)],
  });
  await pass(clock, 10);
  session.sent(2);
  host.recorder.request(1, 2, 1, 512); // in the same microsecond
  await pass(clock, 2);
  host.recorder.answer(1, 2, 0);
  await pass(clock, 400);
  assert.deepEqual(said(given), [
    "begins",
    "channel",
    "client",
    "state",
    "submit 1001000",
    "send 1011000",
    "request 1011000",
    "answer 1013000",
  ]);
  assert.partialDeepStrictEqual(given[3], { type: "state", timeUs: 1_001_000 }); // as it was when the trace began
  const [channel, known, , submit] = given.slice(1);
  assert.ok("client" in channel! && "client" in known! && "client" in submit!);
  assert.deepEqual([channel.client, submit.client], [known.client, known.client]);
  const end = await feed.stop();
  assert.deepEqual([end, given.length, feed.lost, feed.refused], [1_413_000, 8, 0, 0]);
});

test("the end gives what is left", async () => {
  const { clock, memory, host, given, answers, feed } = setUp();
  answers.push({ news: [], begins: true, fds: [memory.lend()] });
  await feed.start(() => {});
  host.recorder.log("bye");
  await feed.stop();
  assert.deepEqual(said(given), ["begins", "log 1000000"]);
  await pass(clock, 100);
  assert.equal(given.length, 2);
});

test("what could not be read in time, and what is nothing, is counted", async () => {
  const { clock, memory, host, given, answers, feed } = setUp();
  answers.push({ news: [], begins: true, fds: [memory.lend()], lost: 3 });
  await feed.start(() => {});
  for (let entry = 0; entry < RING_ENTRIES + 5; entry++) host.recorder.reap(entry, 0, 0);
  const words = new Uint32Array(mapFixed(memory.fd, DEVICE_MEMORY_BYTES).buffer, RECORDER_OFFSET);
  words[16 + 5 * 16 + 1] = 77; // the kind of the oldest that is left
  await pass(clock, 300);
  await feed.stop();
  assert.deepEqual([feed.lost, feed.refused, given.length], [3 + 5, 1, 1 + RING_ENTRIES - 1]);
});

test("another manager's numbers are its own, and memories that are known are followed on", async () => {
  const { clock, memory, host, application, given, answers, feed } = setUp();
  answers.push({ news: [client], begins: true, fds: [memory.lend(), duplicate(application.memory.fd.fd)] });
  await feed.start(() => {});
  await pass(clock, 10);
  host.recorder.log("one");
  answers.push({ news: [{ ...client, client: 1 }], begins: true, fds: [memory.lend()] });
  host.recorder.log("two");
  await pass(clock, 400);
  assert.deepEqual(said(given), [
    "begins",
    "client",
    "begins",
    "client",
    "log 1010000",
    "log 1010000",
    "left",
  ]);
  const numbers = given.flatMap((item) => (item.type === "client" ? [item.client] : []));
  assert.equal(new Set(numbers).size, 2);
  await feed.stop();
});

test("a refusal later ends it, and says why", async () => {
  const { clock, memory, answers, feed, refuse } = setUp();
  answers.push({ news: [], begins: true, fds: [memory.lend()] });
  await feed.start(() => {});
  refuse(new DeviceError("invalid", "unplugged"));
  await pass(clock, 100);
  assert.match((await feed.over).message, /unplugged/);
  await feed.stop();
});
