// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import type { PlayedHid } from "@ring3/sdk/test/played-hid";
import { type RunOptions, runDriver } from "@ring3/sdk/test/run-driver";
import { byHand, controller, factory, input } from "./controller.fixture.ts";
import driver from "./driver.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

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

test("its packets are numbered from 0 to 15 and again", async () => {
  const { running, unit, hid } = await run();
  for (let times = 0; times < 12; times++) await unit.request("player", { number: 1 });
  const numbers = hid.reports.map((report) => report.slice(8)).filter((hex) => !hex.startsWith("80"));
  assert.deepEqual(
    numbers.map((hex) => Number.parseInt(hex.slice(2, 4), 16)),
    numbers.map((_, at) => at % 16),
  );
  await running.remove();
});

test("states are told by its calibration, and when they are others; before it is set up nothing is", async () => {
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

test("what it reports while it is set up, for an earlier driver has wanted it to, is no harm", async () => {
  const { running, hid, told } = await run(controller({ streams: true }));
  await hid.send(input(0));
  assert.ok(told.includes("state 0 0"));
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

test("a rumble is told again while it runs, goes with subcommands, and ends", async () => {
  const clock = manualClock();
  const { running, unit, hid } = await run(controller(), { clock });
  hid.reports.length = 0;
  const FULL = "00c9407200014040";
  await unit.request("rumble", { strong: 0xffff, weak: 0, durationMs: 200 });
  await hid.send(input(0));
  clock.advance(49);
  await hid.send(input(0));
  assert.deepEqual(said(hid), [`rumble ${FULL}`]);
  clock.advance(1);
  await hid.send(input(0), input(0));
  await unit.request("player", { number: 2 });
  assert.deepEqual(said(hid), [`rumble ${FULL}`, `rumble ${FULL}`, `3003 at ${FULL}`]);
  clock.advance(150);
  await turn();
  await hid.send(input(0));
  clock.advance(100);
  await hid.send(input(0));
  assert.deepEqual(said(hid).slice(3), [`rumble ${STILL}`]);
  await running.remove();
});

test("the player's light is the next driver's and that of one that wakes up", async () => {
  const { running, unit, hid, told } = await run();
  await unit.request("player", { number: 3 });
  await hid.send(input(0));
  hid.reports.length = 0;
  await running.suspend();
  await running.resume();
  assert.deepEqual(said(hid).slice(-4), [...SETUP, "3007"]);
  await hid.send(input(0));
  assert.equal(told.filter((line) => line === "state 0 0").length, 2);
  await running.remove();
  const next = await run(controller(), { state: running.state, incarnation: 2 });
  assert.equal(said(next.hid).at(-1), "3007");
  await next.running.remove();
});

test("what it loses once is said again; the question for its status it need not answer, nor tell its flash", async () => {
  const clock = manualClock();
  const deaf = { "80 01": 9, "80 03": 1, "1 10": 99 };
  const starting = run(controller({ deaf }), { clock });
  for (let waits = 0; waits < 10; waits++) {
    await turn();
    await turn();
    clock.advance(500);
  }
  const { running, hid, told } = await starting;
  const all = said(hid);
  assert.deepEqual(all.slice(1, 7), ["8001", "8002", "8003", "8003", "8002", "8004"]);
  assert.equal(running.log.filter(({ level }) => level === "warn").length, 4);
  await hid.send(input(0, {}, [3500, 2000, 2000, 2000]));
  assert.equal(told[0], "state 0 32767"); // by the usual calibration
  await running.remove();
});

for (const [deaf, what] of [
  ["80 02", "handshake"],
  ["1 02", "what it is"],
  ["1 03", "full reports"],
] as const)
  test(`one that stops at ${deaf} does not start, and says where`, async () => {
    const clock = manualClock();
    const failed = assert.rejects(
      runDriver(driver, { usb: controller({ deaf: { [deaf]: 99 } }).usb, clock }),
      {
        kind: "timeout",
        message: `Switch Pro Controller: ${what}: it does not answer: the deadline passed`,
      },
    );
    for (let waits = 0; waits < 3; waits++) {
      await turn();
      await turn();
      clock.advance(500);
    }
    await failed;
  });

test("a subcommand that it refuses fails, and a player's light that it refuses is not kept", async () => {
  await assert.rejects(runDriver(driver, { usb: controller({ refused: [0x48] }).usb }), {
    kind: "unsupported",
    message: /^vibration/,
  });
  const refused: number[] = [];
  const { running, unit } = await run(controller({ refused }));
  refused.push(0x30);
  await assert.rejects(unit.request("player", { number: 2 }), { kind: "unsupported" });
  assert.equal(running.state.readState(), undefined);
  await running.remove();
});

test("a request that is taken back while it waits for an answer ends", async () => {
  const deaf: Record<string, number> = {};
  const { running, unit } = await run(controller({ deaf }));
  deaf["1 30"] = 99;
  const asked = unit.request("player", { number: 2 }, { deadlineMs: 20 });
  await assert.rejects(asked, { kind: "timeout" });
  deaf["1 30"] = 0;
  await unit.request("player", { number: 2 });
  await running.remove();
});

test("a Joy-Con in the charging grip is declined, and one that goes ends quietly", async () => {
  await assert.rejects(runDriver(driver, { usb: controller({ kind: 1 }).usb }), { message: /of kind 1/ });
  const { running, hid, unit } = await run();
  await hid.transport.unplug();
  await assert.rejects(unit.request("player", { number: 1 }), { kind: "disconnected" });
  await running.remove();
});
