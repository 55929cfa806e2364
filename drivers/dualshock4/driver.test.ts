// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { bytes, dualSense, dualShock4 } from "@ring3/core/hid/descriptors.fixture";
import { type HidOptions, playedHid } from "@ring3/sdk/test/played-hid";
import { rehearse } from "@ring3/sdk/test/rehearse";
import { type RunOptions, runDriver } from "@ring3/sdk/test/run-driver";
import driver from "./driver.ts";
import { calibration, firmware, input } from "./reports.fixture.ts";

const features = { 2: calibration(), 163: firmware() };
const device = (options: HidOptions = {}) =>
  playedHid(dualShock4, { vendorId: 0x054c, productId: 0x09cc, out: true, features, ...options });
const report = (values: Record<number, number>) => Uint8Array.of(0x01, ...input({ 4: 8, ...values }));
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

async function run(hid = device(), options: Omit<RunOptions, "usb"> = {}) {
  const running = await runDriver(driver, { usb: hid.usb, ...options });
  const [unit] = running.units;
  const told: string[] = [];
  unit!.on("state", ({ buttons }) => told.push(`state ${buttons}`));
  unit!.on("touch", ({ fingers }) => told.push(`touch ${fingers[0]!.x}`));
  unit!.on("motion", ({ accel }) => told.push(`motion ${accel[1]}`));
  unit!.on("power", ({ percent }) => told.push(`power ${percent}`));
  return { running, unit: unit!, hid, told };
}

/** Flags, motors and colour of an output report. */
const brief = (sent: string): string => {
  const [, flags, , , weak, strong, ...colour] = Buffer.from(sent.replace("output: ", ""), "hex").subarray(
    0,
    9,
  );
  return `${flags}: ${strong} ${weak}, ${colour.join(" ")}`;
};
const STILL = "3: 0 0, 0 0 64";

test("motors are stopped first, and its light is the first player's", async () => {
  const { running, unit, hid } = await run();
  assert.deepEqual(hid.reports.map(brief), [STILL]);
  assert.deepEqual([unit.properties.version, unit.supports("triggerEffect")], [0x8111, false]);
  await running.remove();
  assert.deepEqual(hid.reports.map(brief), [STILL, STILL]);
});

test("the second controller has the second player's light", async () => {
  const { running, hid } = await run(device(), { ordinal: 2 });
  assert.deepEqual(hid.reports.map(brief), ["3: 0 0, 64 0 0"]);
  await running.remove();
});

test("state, touch and power are told when they are others, motion with each report; and all after a rest", async () => {
  const { running, told, hid } = await run();
  const one = report({ 32: 1, 34: 1, 35: 7, 38: 0x80, 29: 0x13 });
  await hid.send(one, one, report({ 5: 1, 32: 2, 34: 1, 35: 8, 38: 0x80, 43: 1, 44: 9, 47: 0x80, 29: 0x13 }));
  const first = ["state 0", "touch 7", "motion 352", "power 35"];
  assert.deepEqual(told.splice(0), [...first, "motion 352", "state 16", "touch 8", "touch 9", "motion 352"]);
  await running.suspend();
  assert.deepEqual(told.splice(0), ["state 0", "touch 9"]); // let go
  await running.resume();
  await hid.send(one, one);
  assert.deepEqual(told, [...first, "motion 352"]);
  await running.remove();
});

test("other reports, and cut ones, tell nothing", async () => {
  const { running, told, hid } = await run();
  await hid.send(report({}).subarray(0, 40), Uint8Array.of(0x11, ...input({})), bytes("01"));
  assert.deepEqual(told, []);
  await running.remove();
});

test("the light is the next driver's and that of one that wakes up, and stays while motors run; a rumble does not", async () => {
  const { running, unit, hid } = await run();
  hid.reports.length = 0;
  await unit.request("light", { red: 1, green: 2, blue: 3 });
  await unit.request("rumble", { strong: 0xffff, weak: 0x8000, durationMs: 1000 });
  await unit.request("player", { number: 2 });
  assert.deepEqual(hid.reports.splice(0).map(brief), [
    "3: 0 0, 1 2 3",
    "3: 255 128, 1 2 3",
    "3: 255 128, 64 0 0",
  ]);
  await running.suspend();
  await running.resume();
  assert.deepEqual(hid.reports.map(brief), ["3: 0 0, 64 0 0", "3: 0 0, 64 0 0"]);
  await running.remove();
  const next = await run(device(), { state: running.state, incarnation: 2 });
  assert.deepEqual(next.hid.reports.map(brief), ["3: 0 0, 64 0 0"]);
  await next.running.remove();
});

test("a copy that refuses its feature reports is told as it is; one that does not answer does not start", async () => {
  const { running, told, hid } = await run(device({ features: {} }));
  assert.equal(running.log.filter(({ level }) => level === "warn").length, 3);
  await hid.send(report({}));
  assert.ok(told.includes("motion 0"));
  await running.remove();

  for (const [silent, what] of [
    [{ 163: "hang" }, "firmware"],
    [{ 163: firmware(), 2: "hang" }, "calibration"],
  ] as const) {
    const clock = manualClock();
    const failed = assert.rejects(runDriver(driver, { usb: device({ features: silent }).usb, clock }), {
      kind: "timeout",
      message: `DualShock 4: it does not tell its ${what} (plugged in anew, it may): the deadline passed`,
    });
    await turn();
    clock.advance(2000);
    await failed;
  }
});

test("a copy that refuses what is told to it plays all the same, and rests", async () => {
  const { running, told, hid, unit } = await run(device({ report: () => "stall" }));
  const warned = running.log.filter(({ level }) => level === "warn").map(({ message }) => message);
  assert.deepEqual(warned, ["goes on without: output report 5: the endpoint stalled"]);
  await hid.send(report({ 5: 1 }));
  assert.ok(told.includes("state 16"));
  await assert.rejects(unit.request("light", { red: 1, green: 2, blue: 3 }), { kind: "stall" });
  await running.suspend();
  await running.resume();
  await running.remove();
});

test("feature reports that are too short, or another's, count as none", async () => {
  const short = calibration().subarray(0, 36);
  const other = Uint8Array.of(0x13, ...firmware().subarray(1));
  const { running, told, hid } = await run(device({ features: { 2: short, 163: other } }));
  const warned = running.log.filter(({ level }) => level === "warn").map(({ message }) => message);
  assert.deepEqual(warned.slice(0, 2), [
    "DualShock 4: firmware: expected 49 bytes of feature report 163, found 49 of report 19",
    "DualShock 4: calibration: expected 37 bytes of feature report 2, found 36 of report 2",
  ]);
  await hid.send(report({}));
  assert.ok(told.includes("motion 0")); // uncalibrated; else it has a bias
  await running.remove();
});

/** Answers to what it is told only when its test says so. */
function slow() {
  const waiting: ((answer: "ok" | "stall") => void)[] = [];
  const hid = device({ report: () => new Promise((resolve) => void waiting.push(resolve)) });
  const answer = async (how: "ok" | "stall" = "ok"): Promise<void> => {
    for (let turns = 0; waiting.length === 0; turns++) {
      assert.ok(turns < 1000, "it was told nothing");
      await turn();
    }
    waiting.shift()!(how);
    await turn();
  };
  return { hid, answer };
}

test("motors that stop while a light is on its way leave it as it was told", async () => {
  const { hid, answer } = slow();
  const clock = manualClock();
  const starting = run(hid, { clock });
  await answer();
  const { running, unit } = await starting;
  const rumbling = unit.request("rumble", { strong: 0xffff, weak: 0, durationMs: 100 });
  await answer();
  await rumbling;
  const lit = unit.request("light", { red: 1, green: 2, blue: 3 });
  await turn();
  clock.advance(100);
  await turn();
  await answer();
  await answer();
  await lit;
  assert.deepEqual(hid.reports.slice(1).map(brief), ["3: 255 0, 0 0 64", "3: 255 0, 1 2 3", "3: 0 0, 1 2 3"]);
  const removed = running.remove();
  await answer();
  await removed;
});

test("a rumble that the controller refuses is not in the next report; nor is a light", async () => {
  let answer: "ok" | "stall" = "ok";
  const { running, unit, hid } = await run(device({ report: () => answer }));
  answer = "stall";
  await assert.rejects(unit.request("rumble", { strong: 0xff00, weak: 0, durationMs: 9 }), { kind: "stall" });
  await assert.rejects(unit.request("light", { red: 1, green: 2, blue: 3 }), { kind: "stall" });
  answer = "ok";
  await unit.request("player", { number: 2 });
  assert.equal(brief(hid.reports.at(-1)!), "3: 0 0, 64 0 0");
  await running.remove();
  assert.equal(brief(hid.reports.at(-1)!), "3: 0 0, 64 0 0");
});

test("another's reports are declined; garbage is a clear error; one that goes ends quietly", async () => {
  await assert.rejects(runDriver(driver, { usb: playedHid(dualSense).usb }), { message: /of a DualShock 4/ });
  const garbage = playedHid(bytes("05 01 a1 01 09"));
  await assert.rejects(runDriver(driver, { usb: garbage.usb }), { kind: "protocol" });
  const { running, hid, unit } = await run();
  await hid.transport.unplug();
  await assert.rejects(unit.request("player", { number: 1 }), { kind: "disconnected" });
  await running.remove();
});

test("the rehearsal runs", () => rehearse(driver));
