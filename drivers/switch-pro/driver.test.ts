// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import type { PlayedHid } from "@ring3/sdk/test/played-hid";
import { type RunOptions, runDriver } from "@ring3/sdk/test/run-driver";
import { type Behaviour, byHand, controller, factory, input } from "./controller.fixture.ts";
import driver from "./driver.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** It is told something behind a report only, and not too soon. */
async function reported<T>(
  clock: ReturnType<typeof manualClock>,
  hid: PlayedHid,
  asked: Promise<T>,
  report = input(0),
): Promise<T> {
  asked.catch(() => {}); // told below
  clock.advance(20);
  await hid.send(report);
  return await asked;
}

/** Lets time pass while it is waited for answers that do not come. */
async function patiently<T>(
  clock: ReturnType<typeof manualClock>,
  done: Promise<T>,
  waits: number,
): Promise<T> {
  done.catch(() => {}); // told below
  for (let wait = 0; wait < waits; wait++) {
    await turn();
    await turn();
    clock.advance(500);
  }
  return await done;
}
const warnings = ({ log }: { log: readonly { level: string; message: string }[] }): string =>
  log
    .filter(({ level }) => level === "warn")
    .map(({ message }) => message)
    .join("\n");

async function run(hid = controller(), options: Omit<RunOptions, "usb"> = {}) {
  const running = await runDriver(driver, { usb: hid.usb, ...options });
  const [unit] = running.units;
  const told: string[] = [];
  const times: number[] = [];
  unit!.on("state", ({ buttons, leftX }) => told.push(`state ${buttons} ${leftX}`));
  unit!.on("motion", ({ timestampUs }) => times.push(timestampUs));
  unit!.on("power", ({ percent }) => told.push(`power ${percent}`));
  return { running, unit: unit!, hid, told, times };
}

/** Each output report: USB commands, subcommands with their data, rumbles; numbers that count are left out. */
function said({ reports }: PlayedHid): string[] {
  return reports.map((report) => {
    const hex = report.replace("output: ", "");
    if (hex.startsWith("80")) return hex;
    const rumble = hex.slice(4, 20);
    return hex.startsWith("10")
      ? `rumble ${rumble}`
      : `${hex.slice(20)}${rumble === STILL ? "" : ` at ${rumble}`}`;
  });
}
const STILL = "0001404000014040";
const GREETING = ["8001", "8002", "8003", "8002", "8004"];
const READS = ["101080000016", "103d60000012", "10268000001a", "102060000018"];
const SETUP = ["0330", "4801", "4001"];

test("it is still first, then greeted, asked and set up; the first player's light shines", async () => {
  const { running, unit, hid } = await run();
  assert.deepEqual(said(hid), [`rumble ${STILL}`, ...GREETING, "02", ...READS, ...SETUP, "3001"]);
  assert.equal(unit.properties.version, 0x8111);
  await running.remove();
  assert.equal(said(hid).at(-1), `rumble ${STILL}`);
});

test("the second controller has the second player's lights", async () => {
  const { running, hid } = await run(controller(), { ordinal: 2 });
  assert.equal(said(hid).at(-1), "3003");
  await running.remove();
});

test("its packets are numbered from 0 to 15 and again", async () => {
  const clock = manualClock();
  const { running, unit, hid } = await run(controller(), { clock });
  for (let times = 0; times < 12; times++) await reported(clock, hid, unit.request("player", { number: 1 }));
  const numbers = hid.reports.map((report) => report.slice(8)).filter((hex) => !hex.startsWith("80"));
  assert.deepEqual(
    numbers.map((hex) => Number.parseInt(hex.slice(2, 4), 16)),
    numbers.map((_, at) => at % 16),
  );
  await running.remove();
});

test("states are told by its calibration, and when they are others", async () => {
  const { running, hid, told } = await run();
  await hid.send(input(0), input(0), input(1 << 2, {}, [3500, 2100, 2050, 1950]));
  assert.deepEqual(told, ["state 0 0", "power 100", "state 1 32767"]);
  await hid.send(input(0).subarray(0, 9), Uint8Array.of(0x3f, 1, 2));
  assert.equal(told.length, 3);
  await running.remove();

  const hand = await run(controller({ flash: { ...factory, ...byHand } }));
  await hand.hid.send(input(0, {}, [2548, 2048, 2050, 1950]));
  assert.equal(hand.told[0], "state 0 16383");
  await hand.running.remove();
});

test("what it reports while it is set up, for an earlier driver has wanted it to, is not told", async () => {
  const { running, hid, told } = await run(controller({ streams: true }));
  await hid.send(input(1)); // the same: told already, it would not be told now
  assert.deepEqual(told, ["state 8 0", "power 100"]);
  await running.remove();
});

test("three motions of a report lie between the report before and it", async () => {
  const clock = manualClock();
  clock.advance(1000);
  const { running, hid, times } = await run(controller(), { clock });
  for (const pause of [0, 9, 100]) {
    clock.advance(pause);
    await hid.send(input(0));
  }
  assert.deepEqual(times, [
    ...[990_000, 995_000, 1_000_000],
    ...[1_003_000, 1_006_000, 1_009_000],
    ...[1_099_000, 1_104_000, 1_109_000],
  ]);
  await running.remove();
});

const FULL = "00c9407200014040";

/** Its clock goes on by `ms`, and then it reports. */
async function started(behaviour: Behaviour = {}) {
  const clock = manualClock();
  const { running, unit, hid } = await run(controller(behaviour), { clock });
  hid.reports.length = 0;
  const after = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await hid.send(input(0));
    await turn();
  };
  return { running, unit, hid, after, said: () => said(hid) };
}

test("what it is told goes out right behind one of its reports, and twenty milliseconds apart", async () => {
  const { running, unit, after, said } = await started();
  const first = unit.request("rumble", { strong: 0xffff, weak: 0, durationMs: 1000 });
  const second = unit.request("player", { number: 2 });
  await turn();
  assert.deepEqual(said(), []);
  await after(19); // so soon after its start
  assert.deepEqual(said(), []);
  await after(1);
  await first;
  assert.deepEqual(said(), [`rumble ${FULL}`]);
  await after(19);
  assert.equal(said().length, 1);
  await after(1);
  await second;
  assert.deepEqual(said().slice(1), [`3003 at ${FULL}`]);
  await running.remove();
});

test("one that does not report any more is told all the same, a quarter of a second later", async () => {
  const clock = manualClock();
  const { running, unit, hid } = await run(controller(), { clock });
  const asked = unit.request("player", { number: 2 });
  await turn();
  clock.advance(249);
  await turn();
  assert.equal(said(hid).at(-1), "3001");
  clock.advance(1);
  await asked;
  assert.equal(said(hid).at(-1), "3003");
  await running.remove();
});

test("a rumble is told again while it runs; that it is to be still, five times more", async () => {
  const { running, unit, after, said } = await started();
  const rumbled = unit.request("rumble", { strong: 0xffff, weak: 0, durationMs: 200 });
  await after(20);
  await rumbled;
  await after(49);
  assert.deepEqual(said(), [`rumble ${FULL}`]);
  await after(1);
  await after(20); // behind this report it goes out
  assert.deepEqual(said(), [`rumble ${FULL}`, `rumble ${FULL}`]);
  await after(130);
  for (let reports = 0; reports < 30; reports++) await after(30);
  assert.deepEqual(
    said().slice(2),
    Array.from({ length: 6 }, () => `rumble ${STILL}`),
  );
  await running.remove();
});

test("a rumble that it does not take is not told again by itself; a stop that it does not take is", async () => {
  const stalls: number[] = [];
  const { running, unit, after, said } = await started({ stalls });
  const weak = unit.request("rumble", { strong: 0, weak: 0xffff, durationMs: 60_000 });
  await after(20);
  await weak;
  const WEAK = said()[0]!;
  stalls.push(0x10);
  const refused = assert.rejects(unit.request("rumble", { strong: 0xffff, weak: 0, durationMs: 60_000 }));
  await after(20);
  await refused;
  stalls.length = 0;
  for (let reports = 0; reports < 6; reports++) await after(50);
  assert.ok(
    said().length > 3 &&
      said()
        .slice(2)
        .every((line) => line === WEAK),
  );
  stalls.push(0x10);
  const stopped = assert.rejects(unit.request("rumble", { strong: 0, weak: 0, durationMs: 0 }));
  await after(20);
  await after(20);
  await stopped;
  stalls.length = 0;
  const before = said().length;
  for (let reports = 0; reports < 6; reports++) await after(50);
  assert.ok(
    said().length > before &&
      said()
        .slice(before)
        .every((line) => line === `rumble ${STILL}`),
  );
  await running.remove();
});

test("the player's light is the next driver's and that of one that wakes up", async () => {
  const clock = manualClock();
  const { running, unit, hid, told } = await run(controller(), { clock });
  await reported(clock, hid, unit.request("player", { number: 3 }));
  await hid.send(input(1 << 2));
  hid.reports.length = 0;
  told.length = 0;
  await reported(clock, hid, running.suspend(), input(1 << 2));
  assert.deepEqual(told.splice(0), ["state 0 0"]);
  await running.resume();
  assert.deepEqual(said(hid).slice(-4), [...SETUP, "3007"]);
  await hid.send(input(1 << 2));
  assert.deepEqual(told, ["state 1 0", "power 100"]);
  await running.remove();
  const next = await run(controller(), { state: running.state, incarnation: 2 });
  assert.equal(said(next.hid).at(-1), "3007");
  await next.running.remove();
});

test("what it loses once is said again; the question for its status it need not answer, nor tell its flash", async () => {
  const clock = manualClock();
  const deaf = { "80 01": 9, "80 03": 1, "1 10": 99 };
  const starting = patiently(clock, run(controller({ deaf }), { clock }), 10);
  const { running, hid, told } = await starting;
  const all = said(hid);
  assert.deepEqual(all.slice(1, 7), ["8001", "8002", "8003", "8003", "8002", "8004"]);
  assert.equal(warnings(running).match(/does not tell its flash/g)!.length, 4);
  await hid.send(input(0, {}, [3500, 2000, 2000, 2000]));
  assert.equal(told[0], "state 0 32767"); // by the usual calibration
  await running.remove();
});

test("one that cannot change its baud rate, and one that does not shake hands, start all the same", async () => {
  const clock = manualClock();
  const slow = await patiently(clock, run(controller({ deaf: { "80 03": 99 } }), { clock }), 3);
  assert.deepEqual(said(slow.hid).slice(1, 7), ["8001", "8002", "8003", "8003", "8002", "8004"]);
  assert.match(warnings(slow.running), /goes on without: usb-test:1.0: baud rate/);
  await slow.hid.send(input(1 << 2));
  assert.ok(slow.told.includes("state 1 0"));
  await slow.running.remove();
  const deaf = { "80 01": 99, "80 02": 99, "80 03": 99 };
  const shy = await patiently(clock, run(controller({ deaf }), { clock }), 4);
  assert.deepEqual(said(shy.hid).slice(1, 5), ["8001", "8002", "8002", "02"]);
  assert.match(warnings(shy.running), /goes on without: usb-test:1.0: handshake/);
  await shy.running.remove();
});

test("one that is silent about vibration, sensors and lights starts without; it says so", async () => {
  const clock = manualClock();
  const deaf = { "1 48": 99, "1 40": 99, "1 30": 99 };
  const { running } = await patiently(clock, run(controller({ deaf }), { clock }), 7);
  for (const what of ["vibration", "motion sensors", "player lights"])
    assert.match(warnings(running), new RegExp(`goes on without: usb-test:1.0: ${what}`));
  await running.remove();
});

test("one that refuses all it is told starts all the same, and is told by a usual one's calibration", async () => {
  const refused = [0x02, 0x03, 0x10, 0x30, 0x40, 0x48];
  const { running, hid, told } = await run(controller({ refused }));
  for (const what of ["what it is", "full reports", "vibration", "motion sensors", "player lights"])
    assert.match(warnings(running), new RegExp(`goes on without: ${what}, which the controller refuses`));
  await hid.send(input(1 << 2, {}, [3500, 2000, 2000, 2000]));
  assert.deepEqual(told, ["state 1 32767", "power 100"]);
  await running.remove();
});

for (const [behaviour, what] of [
  [{ tired: { "80 02": 1 } }, "second handshake"],
  [{ deaf: { "1 02": 99 } }, "what it is"],
  [{ deaf: { "1 03": 99 } }, "full reports"],
] as const)
  test(`one that stops at its ${what} does not start, and says where, and what to do`, async () => {
    const clock = manualClock();
    const starting = runDriver(driver, { usb: controller(behaviour).usb, clock });
    await assert.rejects(patiently(clock, starting, 4), {
      kind: "timeout",
      message: `usb-test:1.0: ${what}: the controller does not answer (if that goes on, unplug it and plug it in again): the deadline passed`,
    });
  });

test("one that answers to all and reports nothing does not start, and says what was waited for, and what to do", async () => {
  const clock = manualClock();
  const starting = runDriver(driver, { usb: controller({ mute: true }).usb, clock });
  await assert.rejects(patiently(clock, starting, 2), {
    kind: "timeout",
    message:
      "usb-test:1.0: full reports: the controller was told to send them and sends none (if that goes on, unplug it and plug it in again): the deadline passed",
  });
});

test("a player's light that it refuses fails and is not kept", async () => {
  const refused: number[] = [];
  const clock = manualClock();
  const { running, unit, hid } = await run(controller({ refused }), { clock });
  refused.push(0x30);
  await assert.rejects(reported(clock, hid, unit.request("player", { number: 2 })), {
    kind: "unsupported",
    message: /usb-test:1.0/,
  });
  assert.equal(running.state.readState(), undefined);
  await running.remove();
});

test("a request that is taken back while it waits for an answer ends", async () => {
  const deaf: Record<string, number> = {};
  const clock = manualClock();
  const { running, unit, hid } = await run(controller({ deaf }), { clock });
  deaf["1 30"] = 99;
  const taken = assert.rejects(unit.request("player", { number: 2 }, { deadlineMs: 100 }), {
    kind: "timeout",
  });
  clock.advance(20);
  await hid.send(input(0));
  clock.advance(80);
  await taken;
  deaf["1 30"] = 0;
  await reported(clock, hid, unit.request("player", { number: 2 }));
  await running.remove();
});

test("a Joy-Con in the charging grip is declined, and one that goes ends quietly", async () => {
  await assert.rejects(runDriver(driver, { usb: controller({ kind: 1 }).usb }), { message: /of kind 1/ });
  const { running, hid, unit } = await run();
  await hid.transport.unplug();
  await assert.rejects(unit.request("player", { number: 1 }), { kind: "disconnected" });
  await running.remove();
});
