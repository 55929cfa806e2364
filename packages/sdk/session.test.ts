import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import type { DriverUnit } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { type Context, Declined, type DriverCallbacks, decline, defineDriver, driverOf } from "./define.ts";
import { plainStateMemory } from "./state.ts";
import { usbDescriptors, usbInterface } from "./test/descriptors.ts";
import { runDriver } from "./test/run-driver.ts";
import { sample } from "./test/sample-contract.ts";
import { scriptedUsb } from "./test/scripted-usb.ts";

type Sample = typeof sample;
const unit: DriverUnit<Sample> = {
  properties: { size: 1 },
  add: ({ a, b }) => ({ sum: a + b }),
  read: (_, call) => {
    call.data.fill(1);
  },
  write: () => {},
};
const vendor = usbInterface({ class: 0xff, subclass: 0, protocol: 0 }, []);

function run(
  callbacks: DriverCallbacks<Sample>,
  options: { incarnation?: number; state?: ReturnType<typeof plainStateMemory> } = {},
) {
  const clock = manualClock();
  const usb = { transport: scriptedUsb(), descriptors: usbDescriptors([vendor]), strings: { serial: "S1" } };
  const started = runDriver(defineDriver(sample, callbacks), { usb, clock, probeMs: 1000, ...options });
  return { clock, started };
}

test("a unit near by answers as a far one would", async () => {
  const { started } = run({ probe: () => unit });
  await using driver = await started;
  const [port] = driver.units;
  assert.deepEqual(port!.properties, { size: 1 });
  assert.equal(port!.supports("trim"), false);
  assert.deepEqual((await port!.request("add", { a: 1, b: 2 })).out, { sum: 3 });
  assert.deepEqual((await port!.request("read", { at: 0 }, { length: 2 })).data, Uint8Array.of(1, 1));
});

test("probe sees the device and who it is", async () => {
  let seen: unknown[] = [];
  const { started } = run(
    {
      probe({ usb }, ctx) {
        seen = [
          usb.vendorId,
          usb.serialNumber,
          usb.matched.alternate.interfaceClass,
          usb.matched.claimed,
          ctx.incarnation,
        ];
        return unit;
      },
    },
    { incarnation: 3 },
  );
  await (await started).remove();
  assert.deepEqual(seen, [0x1209, "S1", 0xff, true, 3]);
});

test("a probe that throws, or returns the wrong shape, fails and has its scope disposed", async () => {
  let disposed = 0;
  const probe = (result: () => unknown) => (_: unknown, ctx: Context<Sample>) => {
    ctx.scope.defer(() => void disposed++);
    return result() as DriverUnit<Sample>;
  };
  const failing = probe(() => {
    throw new Error("boom");
  });
  await assert.rejects(run({ probe: failing }).started, { kind: "internal", message: /boom/ });
  await assert.rejects(run({ probe: probe(() => 7) }).started, {
    kind: "invalid",
    message: /unit 0: expected an object/,
  });
  assert.equal(disposed, 2);
});

test("a probe that declines the device says why, and has its scope disposed", async () => {
  let disposed = false;
  const { started } = run({
    async probe(_, ctx) {
      ctx.scope.defer(() => {
        disposed = true;
      });
      return decline("no chip of ours");
    },
  });
  await assert.rejects(started, (error) => error instanceof Declined && error.why === "no chip of ours");
  assert.equal(disposed, true);
});

test("a probe that never returns fails at its deadline", async () => {
  const { clock, started } = run({ probe: () => new Promise<never>(() => {}) });
  clock.advance(1000);
  clock.advance(0);
  await assert.rejects(started, { kind: "timeout", message: /^probe/ });
});

test("of a state any number may be told while probing: a device is used while it starts", async () => {
  const { started } = run({
    probe(_, ctx) {
      for (let times = 0; times < 1000; times++) ctx.emit("level", { value: times % 100 });
      return unit;
    },
  });
  await using driver = await started;
  assert.equal(driver.units.length, 1);
});

test("events while probing arrive before those after it, each at its unit", async () => {
  let emit: Context<Sample>["emit"] | undefined;
  const { started } = run({
    probe(_, ctx) {
      ctx.emit("level", { value: 1 }, 1);
      emit = ctx.emit;
      return [unit, unit];
    },
  });
  await using driver = await started;
  const seen: unknown[] = [];
  driver.units[0]!.on("level", () => assert.fail("not its event"));
  const off = driver.units[1]!.on("level", (data) => seen.push(data));
  emit!("level", { value: 2 }, 1);
  off();
  emit!("level", { value: 3 }, 1);
  assert.deepEqual(seen, [{ value: 2 }]); // the first came before anyone could listen
  assert.throws(() => emit!("level", { value: 3 }, 2), {
    kind: "invalid",
    message: /expected unit 0 to 1, found 2/,
  });
  assert.throws(() => emit!("level", { value: 300 }), { kind: "invalid", message: /value/ });
  assert.throws(() => emit!("nothing" as "level", { value: 1 }), {
    kind: "invalid",
    message: /no event "nothing"/,
  });
});

test("remove ends requests, then timers, then calls remove, then disposes", async () => {
  const order: string[] = [];
  const { started, clock } = run({
    probe(_, ctx) {
      ctx.scope.defer(() => void order.push("disposed"));
      ctx.every(10, () => void order.push("tick"));
      return {
        ...unit,
        write: (_input, call) =>
          new Promise((_resolve, reject) => {
            call.signal.addEventListener("abort", () => {
              order.push("request");
              reject(call.signal.reason);
            });
          }),
      };
    },
    remove: (ctx) => void order.push(`remove ${ctx.signal.aborted}`),
  });
  const driver = await started;
  clock.advance(10);
  const request = driver.units[0]!.request("write", { at: 0 }, { data: new Uint8Array(1) });
  await Promise.all([driver.remove(), assert.rejects(request, { kind: "cancelled" })]);
  clock.advance(100);
  assert.deepEqual(order, ["tick", "request", "remove true", "disposed"]);
  assert.equal(clock.pending, 0);
});

test("ctx.every goes on after an error and never overlaps itself", async () => {
  let runs = 0;
  const waiting: (() => void)[] = [];
  const { started, clock } = run({
    probe(_, ctx) {
      ctx.every(10, async () => {
        runs++;
        await new Promise<void>((resolve) => waiting.push(resolve));
        throw new Error("again");
      });
      return unit;
    },
  });
  await using driver = await started;
  clock.advance(50);
  assert.equal(runs, 1);
  waiting[0]!();
  await new Promise(setImmediate);
  clock.advance(10);
  assert.equal(runs, 2);
  assert.match(driver.log[0]!.message, /ctx\.every: again/);
});

test("ctx.sleep ends with its time, its wait, or the driver", async () => {
  let ctx: Context<Sample> | undefined;
  const { started, clock } = run({
    probe(_, context) {
      ctx = context;
      return unit;
    },
  });
  const driver = await started;
  const slept = ctx!.sleep(10);
  clock.advance(10);
  await slept;
  using limit = ctx!.limit(5);
  const cut = ctx!.sleep(10, limit);
  clock.advance(5);
  await assert.rejects(cut, { kind: "timeout" });
  const long = ctx!.sleep(1e9);
  await driver.remove();
  await assert.rejects(long, { kind: "cancelled" });
  assert.equal(clock.pending, 0);
});

test("ctx.timestampUs is the machine's time, in whole microseconds, and not the running one", async () => {
  const stopped = { ...manualClock(), now: () => 1000.0016, behindMs: 2500 };
  const seen: number[] = [];
  const driver = defineDriver(sample, {
    probe(_, ctx) {
      seen.push(ctx.now(), ctx.timestampUs());
      return unit;
    },
  });
  const usb = { transport: scriptedUsb(), descriptors: usbDescriptors([vendor]) };
  await (await runDriver(driver, { usb, clock: stopped })).remove();
  assert.deepEqual(seen, [1000.0016, 3_500_001]);
});

test("state outlives the driver; what is no JSON or too long is refused", async () => {
  const state = plainStateMemory();
  const first = run(
    {
      probe(_, ctx) {
        ctx.state.set({ level: 3 });
        assert.throws(() => ctx.state.set("x".repeat(4095)), {
          kind: "invalid",
          message: /at most 4096 bytes, found 4097/,
        });
        assert.throws(() => ctx.state.set(undefined as never), { kind: "invalid" });
        return unit;
      },
    },
    { state },
  );
  await (await first.started).remove();
  let seen: unknown;
  const second = run(
    {
      probe(_, ctx) {
        seen = ctx.state.get();
        return unit;
      },
    },
    { state },
  );
  await (await second.started).remove();
  assert.deepEqual(seen, { level: 3 });
});

test("only what defineDriver made is a driver", () => {
  const driver = defineDriver(sample, { probe: () => unit });
  assert.equal<unknown>(driverOf(driver), driver);
  assert.throws(() => driverOf({ ...driver }), {
    kind: "invalid",
    message: /expected the result of defineDriver, found object/,
  });
  assert.throws(() => defineDriver(sample, {} as never), {
    kind: "invalid",
    message: /probe: expected a function, found undefined/,
  });
  assert.throws(() => defineDriver(sample, { probe: () => unit, remove: 1 as never }), DeviceError);
});
