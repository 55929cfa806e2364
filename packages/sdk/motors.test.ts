// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Gamepad, gamepad } from "@ring3/classes/gamepad/contract";
import { manualClock } from "@ring3/core/clock";
import type { EventData } from "@ring3/core/contract";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { createLog, type LogEntry } from "@ring3/core/log";
import { createContext } from "./context.ts";
import { Motors, type SendRumble } from "./motors.ts";
import { runWithin } from "./request-context.ts";
import { plainStateMemory } from "./state.ts";
import { Limit } from "./wait.ts";

const turn = () => new Promise(setImmediate);

function motors(given?: SendRumble) {
  const clock = manualClock();
  const log: LogEntry[] = [];
  const sent: string[] = [];
  const told: string[] = [];
  const incarnation = createContext({
    contract: gamepad,
    device: { id: "usb-test:1.0", ordinal: 1 },
    incarnation: 1,
    reason: "",
    clock,
    log: createLog("driver", (entry) => log.push(entry), clock),
    state: plainStateMemory(),
    emit: (_, event, data) => {
      const { strong, weak } = data as EventData<Gamepad, "motors">;
      told.push(`${clock.now()}: ${event} ${strong} ${weak}`);
    },
  });
  const send: SendRumble = async (strong, weak, durationMs, wait) => {
    if (wait.signal?.aborted) throw wait.signal.reason;
    sent.push(`${clock.now()}: ${strong} ${weak} ${durationMs}`);
    await given?.(strong, weak, durationMs, wait);
  };
  const { context } = incarnation;
  incarnation.open(1);
  const made = context.scope.use(new Motors(context, send));
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turn();
  };
  return { clock, log, sent, told, incarnation, motors: made, advance };
}

test("what runs stops after its time", async () => {
  const { motors: own, sent, advance, clock } = motors();
  await own.run({ strong: 5, weak: 6, durationMs: 100 }, {});
  await advance(99);
  assert.deepEqual(sent, ["0: 5 6 100"]);
  await advance(1);
  assert.deepEqual(sent, ["0: 5 6 100", "100: 0 0 0"]);
  assert.equal(clock.pending, 0);
});

test("what the device has taken is told, and what it refuses is not", async () => {
  const {
    motors: own,
    told,
    advance,
  } = motors(async (strong) => {
    if (strong === 7) throw new DeviceError("stall", "no");
  });
  await own.run({ strong: 5, weak: 6, durationMs: 100 }, {});
  await assert.rejects(own.run({ strong: 7, weak: 0, durationMs: 100 }, {}));
  await own.run({ strong: 5, weak: 6, durationMs: 100 }, {});
  await advance(100);
  assert.deepEqual(told, ["0: motors 5 6", "100: motors 0 0"]);
});

test("what is wanted later takes the place of what runs, with a time of its own", async () => {
  const { motors: own, sent, advance } = motors();
  await own.run({ strong: 5, weak: 0, durationMs: 100 }, {});
  await advance(50);
  await own.run({ strong: 0, weak: 7, durationMs: 100 }, {});
  await advance(99);
  assert.deepEqual(sent, ["0: 5 0 100", "50: 0 7 100"]);
  await advance(1);
  assert.equal(sent.at(-1), "150: 0 0 0");
});

for (const input of [
  { strong: 0, weak: 0, durationMs: 100 },
  { strong: 5, weak: 5, durationMs: 0 },
])
  test(`${JSON.stringify(input)} stops them, and once`, async () => {
    const { motors: own, sent, advance } = motors();
    await own.run({ strong: 5, weak: 0, durationMs: 100 }, {});
    await own.run(input, {});
    await advance(1000);
    assert.deepEqual(sent, ["0: 5 0 100", "0: 0 0 0"]);
  });

test("they stop although the request that made them run is over", async () => {
  const { motors: own, sent, advance, clock } = motors();
  const request = new Limit(clock, 50, "rumble");
  await runWithin(request, () => own.run({ strong: 5, weak: 0, durationMs: 100 }, request));
  await advance(100);
  assert.equal(sent.at(-1), "100: 0 0 0");
});

test("they stop at remove, and not a second time afterwards", async () => {
  const { motors: own, sent, advance, incarnation } = motors();
  await own.run({ strong: 5, weak: 0, durationMs: 100 }, {});
  await incarnation.close(new DeviceError("cancelled", "remove"));
  await advance(1000);
  assert.deepEqual(sent, ["0: 5 0 100", "0: 0 0 0"]);
});

test("a device that does not stop them is told of; one that is gone is not; a request hears of its failure itself", async () => {
  for (const [kind, told] of [
    ["stall", 1],
    ["disconnected", 0],
  ] as const) {
    const failing = motors(async (strong) => {
      if (strong === 0) throw new DeviceError(kind, "motors");
    });
    await failing.motors.run({ strong: 5, weak: 0, durationMs: 100 }, {});
    await failing.advance(100);
    assert.equal(failing.log.length, told);
    await assert.rejects(failing.motors.stop(), { kind });
    await failing.incarnation.close(new DeviceError("cancelled", "remove"));
  }
});

/** Motors whose next sends fail as the test says, oldest first. */
function failing(...kinds: (DeviceErrorKind | undefined)[]) {
  return motors(async () => {
    const kind = kinds.shift();
    if (kind !== undefined) throw new DeviceError(kind, "motors");
  });
}

test("a second run that the device refuses leaves the first one its end", async () => {
  const { motors: own, sent, advance } = failing(undefined, "stall");
  await own.run({ strong: 5, weak: 0, durationMs: 100 }, {});
  await advance(50);
  await assert.rejects(own.run({ strong: 9, weak: 0, durationMs: 60_000 }, {}), { kind: "stall" });
  await advance(50);
  assert.equal(sent.at(-1), "100: 0 0 0");
});

test("a second run that nobody knows the fate of is stopped at once, and again until that is taken", async () => {
  const {
    motors: own,
    sent,
    log,
    advance,
    clock,
  } = failing(undefined, "timeout", "timeout", "io", undefined);
  await own.run({ strong: 5, weak: 0, durationMs: 60_000 }, {});
  await assert.rejects(own.run({ strong: 9, weak: 0, durationMs: 60_000 }, {}), { kind: "timeout" });
  for (const ms of [0, 1000, 1000, 1000, 60_000]) await advance(ms);
  assert.deepEqual(sent.slice(2), ["0: 0 0 0", "1000: 0 0 0", "2000: 0 0 0"]);
  assert.equal(log.length, 1);
  assert.equal(clock.pending, 0);
});

test("a stop at the end that fails is told again, until something else is wanted", async () => {
  const { motors: own, sent, advance } = failing(undefined, "io", "io");
  await own.run({ strong: 5, weak: 0, durationMs: 100 }, {});
  for (const ms of [100, 1000]) await advance(ms);
  await own.run({ strong: 7, weak: 0, durationMs: 5000 }, {});
  await advance(1000);
  assert.deepEqual(sent, ["0: 5 0 100", "100: 0 0 0", "1100: 0 0 0", "1100: 7 0 5000"]);
});

test("a stop that was asked for and fails is told again; where nothing runs it is not", async () => {
  const { motors: own, sent, advance, clock } = failing("timeout", undefined, "timeout");
  await assert.rejects(own.stop(), { kind: "timeout" });
  assert.equal(clock.pending, 0);
  await own.run({ strong: 5, weak: 0, durationMs: 60_000 }, {});
  await assert.rejects(own.stop(), { kind: "timeout" });
  await advance(1000);
  assert.deepEqual(sent, ["0: 0 0 0", "0: 5 0 60000", "0: 0 0 0", "1000: 0 0 0"]);
  assert.equal(clock.pending, 0);
});

test("what runs ends while the next is being told: it is not stopped once that has been taken", async () => {
  const taken = Promise.withResolvers<void>();
  let slow = false;
  const { motors: own, sent, advance } = motors(() => (slow ? taken.promise : Promise.resolve()));
  await own.run({ strong: 5, weak: 0, durationMs: 100 }, {});
  slow = true;
  const second = own.run({ strong: 7, weak: 0, durationMs: 500 }, {});
  await advance(100);
  taken.resolve();
  await second;
  await advance(0);
  assert.deepEqual(sent, ["0: 5 0 100", "0: 7 0 500"]);
  slow = false;
  await advance(500);
  assert.equal(sent.at(-1), "600: 0 0 0");
});

test("settled while they run: a stop that fails is not told again to a device that rests", async () => {
  let kind: DeviceErrorKind | undefined;
  const {
    motors: own,
    sent,
    advance,
    clock,
  } = motors(async () => {
    if (kind !== undefined) throw new DeviceError(kind, "motors");
  });
  await own.run({ strong: 5, weak: 6, durationMs: 100 }, {});
  kind = "timeout";
  await own.settle();
  const { length } = sent;
  await advance(10_000);
  assert.deepEqual([sent.length, clock.pending], [length, 0]);
});

test("settled: a device without motors may refuse or be silent, one that is gone may not", async () => {
  for (const kind of ["stall", "timeout"] as const) {
    const { motors: own, log } = failing(kind);
    await own.settle();
    assert.match(log[0]!.message, /goes on without: motors/);
  }
  await assert.rejects(failing("disconnected").motors.settle(), { kind: "disconnected" });
});
