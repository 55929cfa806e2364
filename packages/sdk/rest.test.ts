// Runs in: tests. A driver at rest: what it was at ends first, what comes waits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import type { Call } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { type DriverCallbacks, defineDriver } from "./define.ts";
import { CALLBACK_MS } from "./session.ts";
import { usbDescriptors, usbInterface } from "./test/descriptors.ts";
import { runDriver } from "./test/run-driver.ts";
import { sample } from "./test/sample-contract.ts";
import { scriptedUsb } from "./test/scripted-usb.ts";

const EVERY_MS = 1000;
const vendor = usbInterface({ class: 0xff, subclass: 0, protocol: 0 }, []);
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A driver whose writes and timed runs take until the test lets them end. */
async function start(callbacks: Partial<DriverCallbacks<typeof sample>> = {}) {
  const clock = manualClock();
  const log: string[] = [];
  const gates: (() => void)[] = [];
  const gate = (what: string, call?: Call) => {
    log.push(what);
    return new Promise<void>((resolve, reject) => {
      gates.push(resolve);
      call?.signal.addEventListener("abort", () => reject(call.signal.reason));
    });
  };
  const driver = await runDriver(
    defineDriver(sample, {
      probe(_, ctx) {
        ctx.every(EVERY_MS, () => gate("every"));
        return {
          properties: { size: 1 },
          add: ({ a, b }) => ({ sum: a + b }),
          read() {},
          write: ({ at }, call) => gate(`write ${at}`, call),
        };
      },
      suspend: () => void log.push("suspend"),
      resume: () => void log.push("resume"),
      ...callbacks,
    }),
    { usb: { transport: scriptedUsb(), descriptors: usbDescriptors([vendor]) }, clock },
  );
  const [unit] = driver.units;
  const write = (at: number, signal?: AbortSignal) =>
    unit!.request("write", { at }, { data: new Uint8Array(1), ...(signal === undefined ? {} : { signal }) });
  /** What happened since the last call. */
  const seen = async () => {
    await settled();
    return log.splice(0);
  };
  const open = () => gates.shift()!();
  return { driver, clock, write, seen, open };
}

test("suspend: what is under way ends first, then the driver is told; what comes waits for resume, in its order", async () => {
  const { driver, write, seen, open } = await start();
  const first = write(1);
  const suspended = driver.suspend();
  const others = [write(2), write(3)];
  assert.deepEqual(await seen(), ["write 1"]);
  open();
  await first;
  await suspended;
  assert.deepEqual(await seen(), ["suspend"]);
  await driver.resume();
  assert.deepEqual(await seen(), ["resume", "write 2"]);
  open();
  await others[0];
  assert.deepEqual(await seen(), ["write 3"]);
  open();
  await others[1];
  await driver.remove();
});

test("suspend and resume asked for again and again, and before the last one is done: each is done once, in turn", async () => {
  const { driver, write, seen, open } = await start();
  const first = write(1);
  const asked = [driver.suspend(), driver.suspend(), driver.resume(), driver.resume(), driver.suspend()];
  open();
  await Promise.all([first, ...asked]);
  assert.deepEqual(await seen(), ["write 1", "suspend", "resume", "suspend"]);
  await driver.remove();
});

test("a run of ctx.every that is under way ends first; one that falls due waits for resume", async () => {
  const { driver, clock, seen, open } = await start();
  clock.advance(EVERY_MS);
  const suspended = driver.suspend();
  assert.deepEqual(await seen(), ["every"]);
  open();
  await suspended;
  assert.deepEqual(await seen(), ["suspend"]);
  clock.advance(10 * EVERY_MS);
  assert.deepEqual(await seen(), []);
  await driver.resume();
  assert.deepEqual(await seen(), ["resume", "every"]);
  open();
  await driver.remove();
});

test("a request that waits can be cancelled, and a driver that is at rest can be removed", async () => {
  const { driver, write, seen } = await start();
  await driver.suspend();
  const abort = new AbortController();
  const cancelled = assert.rejects(write(1, abort.signal), { kind: "cancelled" });
  const left = assert.rejects(write(2), { kind: "cancelled" });
  abort.abort();
  await cancelled;
  await driver.remove();
  await left;
  assert.deepEqual(await seen(), ["suspend"]);
});

test("a request that does not end in time: suspend fails, and everything goes on", async () => {
  const { driver, clock, write, seen, open } = await start();
  const first = write(1);
  const suspended = assert.rejects(driver.suspend(), { kind: "timeout" });
  const second = write(2);
  await settled();
  clock.advance(CALLBACK_MS);
  await suspended;
  assert.deepEqual(await seen(), ["write 1", "every"]);
  open();
  await first;
  assert.deepEqual(await seen(), ["write 2"]);
  open(); // the timed run
  open();
  await second;
  assert.deepEqual(await seen(), []); // nor is it told now that there is nothing under way
  await driver.remove();
});

test("a driver that is removed while it is on its way to rest is not told to suspend", async () => {
  const { driver, write, seen } = await start();
  const first = assert.rejects(write(1), { kind: "cancelled" });
  const suspended = assert.rejects(driver.suspend(), { kind: "cancelled" });
  await settled();
  await driver.remove();
  await Promise.all([first, suspended]);
  assert.deepEqual(await seen(), ["write 1"]);
});

test("a driver that refuses to suspend goes on; one whose resume fails does not", async () => {
  const refusal = new DeviceError("busy", "no");
  const refusing = await start({ suspend: () => Promise.reject(refusal) });
  await assert.rejects(refusing.driver.suspend(), refusal);
  void refusing.write(1).catch(() => {});
  assert.deepEqual(await refusing.seen(), ["write 1"]);
  await refusing.driver.remove();

  const failing = await start({ resume: () => Promise.reject(refusal) });
  await failing.driver.suspend();
  await assert.rejects(failing.driver.resume(), refusal);
  void failing.write(1).catch(() => {});
  assert.deepEqual(await failing.seen(), ["suspend"]);
  await failing.driver.remove();
});
