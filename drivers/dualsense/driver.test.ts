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

const features = { 5: calibration(), 32: firmware(0x0458) };
const device = (options: HidOptions = {}) =>
  playedHid(dualSense, {
    ...{ vendorId: 0x054c, productId: 0x0ce6, out: true, features },
    ...{ manufacturer: "Sony Interactive Entertainment", product: "Wireless Controller" },
    ...options,
  });
const report = (values: Record<number, number>) => Uint8Array.of(0x01, ...input({ 7: 8, ...values }));
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

async function run(hid = device(), options: Omit<RunOptions, "usb"> = {}) {
  const running = await runDriver(driver, { usb: hid.usb, ...options });
  const [unit] = running.units;
  const told: string[] = [];
  unit!.on("state", ({ buttons }) => told.push(`state ${buttons}`));
  unit!.on("touch", ({ fingers }) => told.push(`touch ${fingers[0]!.touching}`));
  unit!.on("motion", ({ accel }) => told.push(`motion ${accel[1]}`));
  unit!.on("power", ({ percent }) => told.push(`power ${percent}`));
  return { running, unit: unit!, hid, told };
}

/** Which bytes of an output report, its id included, are not zero. */
const brief = (sent: string): string => {
  const values = [...Buffer.from(sent.replace("output: ", ""), "hex").entries()].slice(1);
  return values.flatMap(([at, value]) => (value === 0 ? [] : [`${at}:${value.toString(16)}`])).join(" ");
};
const [STOP_ANY, STOP, SETUP] = ["1:3 39:4", "1:2 39:4", "39:2 42:2"];
const [BLUE, FIRST] = ["2:4 47:80", "2:10 44:4"];

test("motors are stopped before anything is known; then lights as Linux has them", async () => {
  const { running, unit, hid } = await run();
  assert.deepEqual(hid.reports.map(brief), [STOP_ANY, SETUP, BLUE, FIRST]);
  assert.equal(unit.properties.version, 0x8111);
  assert.match(running.log[0]!.message, /DualSense/);
  await running.remove();
  assert.deepEqual(hid.reports.slice(4).map(brief), [STOP]);
});

test("the third controller has the third player's lights", async () => {
  const { running, hid } = await run(device(), { ordinal: 3 });
  assert.deepEqual(hid.reports.slice(-2).map(brief), [BLUE, "2:10 44:15"]);
  await running.remove();
});

test("state, touch and power are told when they are others, motion with each report", async () => {
  const { running, told, hid } = await run();
  const one = report({ 32: 0x80, 36: 0x80, 52: 0x13 });
  await hid.send(one, one, report({ 8: 1, 32: 0, 36: 0x80, 52: 0x13 }));
  assert.deepEqual(told, [
    ...["state 0", "touch 0", "motion 114", "power 35"],
    "motion 114",
    ...["state 16", "touch 1", "motion 114"],
  ]);
  await running.remove();
});

test("after a rest all is told again, the same or not", async () => {
  const { running, told, hid } = await run();
  await hid.send(report({}));
  const before = told.splice(0);
  await running.suspend();
  await running.resume();
  told.length = 0; // all was let go
  await hid.send(report({}));
  assert.deepEqual(told, before);
  await running.remove();
});

test("other reports, and cut ones, tell nothing", async () => {
  const { running, told, hid } = await run();
  await hid.send(report({}).subarray(0, 40), Uint8Array.of(0x31, ...input({})), bytes("01"));
  assert.deepEqual(told, []);
  await running.remove();
});

test("lights, player and trigger effects are the next driver's and those of one that wakes up; a rumble is not", async () => {
  const { running, unit, hid } = await run();
  hid.reports.length = 0;
  const parameters = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  await unit.request("light", { red: 1, green: 2, blue: 3 });
  await unit.request("player", { number: 2 });
  await unit.request("triggerEffect", { side: 1, mode: 0x21, parameters });
  await unit.request("rumble", { strong: 0xffff, weak: 0x8000, durationMs: 1000 });
  const lights = ["2:4 45:1 46:2 47:3", "2:10 44:a"];
  const effect = "1:4 11:21 12:1 13:2 14:3 15:4 16:5 17:6 18:7 19:8 20:9 21:a";
  assert.deepEqual(hid.reports.map(brief), [...lights, effect, "1:2 3:80 4:ff 39:4"]);
  hid.reports.length = 0;
  await running.suspend();
  await running.resume();
  assert.deepEqual(hid.reports.map(brief), [STOP, STOP, SETUP, ...lights, effect]);
  await running.remove();
  const next = await run(device(), { state: running.state, incarnation: 2 });
  assert.deepEqual(next.hid.reports.map(brief), [STOP_ANY, SETUP, ...lights, effect]);
  await next.running.remove();
});

test("an older firmware's rumble is another; a side that there is not is refused", async () => {
  const { running, unit, hid } = await run(device({ features: { ...features, 32: firmware(0x0200) } }));
  await unit.request("rumble", { strong: 0x100, weak: 0, durationMs: 1000 });
  assert.equal(brief(hid.reports.at(-1)!), "1:3 4:1");
  const wrong = unit.request("triggerEffect", { side: 2, mode: 0, parameters: Array(10).fill(0) });
  await assert.rejects(wrong, { kind: "invalid", message: /expected 0 or 1, found 2/ });
  await running.remove();
});

const [MUTED, UNMUTED] = ["2:3 9:1 10:10", "2:3"];
const warnings = ({ log }: { log: readonly { level: string; message: string }[] }): string[] =>
  log.filter(({ level }) => level === "warn").map(({ message }) => message);

test("the button of the microphone mutes it, once for each press, and for the next driver", async () => {
  const { running, hid, told } = await run();
  hid.reports.length = 0;
  for (const pressed of [0, 4, 4, 0, 4, 0, 4]) {
    await hid.send(report({ 9: pressed }));
    await turn();
  }
  assert.deepEqual(hid.reports.map(brief), [MUTED, UNMUTED, MUTED]);
  assert.ok(told.includes("state 0") && !told.some((line) => /^state [1-9]/.test(line)));
  await running.remove();
  const next = await run(device(), { state: running.state, incarnation: 2 });
  assert.equal(brief(next.hid.reports.at(-1)!), MUTED);
  next.hid.reports.length = 0;
  await next.hid.send(report({ 9: 4 })); // held since before the driver's death
  await turn();
  assert.deepEqual(next.hid.reports, []);
  await next.hid.send(report({}));
  await next.running.suspend();
  await next.running.resume();
  next.hid.reports.length = 0;
  await next.hid.send(report({ 9: 4 })); // pressed during the rest
  await turn();
  assert.deepEqual(next.hid.reports, []);
  await next.running.remove();
});

test("however fast the button is pressed, one report is on its way, and the last press counts", async () => {
  const answers: (() => void)[] = [];
  let isSlow = false;
  const slow = device({
    report: () =>
      isSlow ? new Promise((resolve) => void answers.push(() => resolve("ok"))) : ("ok" as const),
  });
  const { running, hid } = await run(slow);
  isSlow = true;
  hid.reports.length = 0;
  const presses = Array.from({ length: 9 }, () => [report({}), report({ 9: 4 })]).flat();
  await hid.send(...presses, report({}), report({ 9: 4 })); // ten: as it was
  await turn();
  assert.deepEqual(hid.reports.map(brief), [MUTED]);
  isSlow = false;
  answers[0]!();
  await turn();
  assert.deepEqual(hid.reports.map(brief), [MUTED, UNMUTED]);
  await running.remove();
});

test("a mute that the controller refuses is not kept, and the next press tries it again", async () => {
  let answer: "ok" | "stall" = "ok";
  const { running, hid } = await run(device({ report: () => answer }));
  answer = "stall";
  hid.reports.length = 0;
  for (const pressed of [0, 4, 0, 4]) {
    await hid.send(report({ 9: pressed }));
    await turn();
  }
  assert.deepEqual(hid.reports.map(brief), [MUTED, MUTED]);
  assert.equal(warnings(running)[0], "DualSense: microphone: output report 2: the endpoint stalled");
  assert.equal(running.state.readState(), undefined);
  answer = "ok";
  await running.remove();
});

for (const [what, refused, shown] of [
  ["its set-up", [SETUP], { red: 0, green: 0, blue: 128, player: 1 }],
  ["its colour and its set-up", [SETUP, BLUE], undefined],
] as const)
  test(`a controller that refuses ${what} is told the rest all the same; the log says so once, and lights are told that it shows`, async () => {
    const refuses = (bytes: Uint8Array) =>
      (refused as readonly string[]).includes(brief(Buffer.from(bytes).toString("hex")));
    const hid = device({ report: (bytes) => (refuses(bytes) ? "stall" : "ok") });
    const { running } = await run(hid);
    assert.deepEqual(hid.reports.map(brief), [STOP_ANY, SETUP, BLUE, FIRST]);
    assert.deepEqual(warnings(running), ["goes on without: output report 2: the endpoint stalled"]);
    const { timestampUs: _, ...lights } = (running.told.get("0 lights") ?? {}) as Record<string, unknown>;
    assert.deepEqual(lights, shown ?? {});
    await running.remove();
  });

test("a copy that takes no output plays all the same: each kind is tried once, and none waits for long", async () => {
  const clock = manualClock();
  const deaf = device({ report: () => "hang" });
  const starting = run(deaf, { clock });
  for (let seconds = 0; seconds < 3; seconds++) {
    await turn();
    await turn();
    clock.advance(1000);
  }
  const { running, told, hid } = await starting;
  assert.deepEqual(hid.reports.map(brief), [STOP_ANY, SETUP]);
  assert.deepEqual(warnings(running), [
    "goes on without: output report 2: the deadline passed",
    "goes on without: output report 2: the deadline passed",
  ]);
  await hid.send(report({ 8: 1 }));
  assert.ok(told.includes("state 16"));
  const removed = running.remove();
  await turn();
  clock.advance(1000);
  await removed;
});

test("a copy that refuses its feature reports is told as it is; one that does not answer does not start", async () => {
  const { running, told, hid } = await run(device({ features: {} }));
  const warned = running.log.filter(({ level }) => level === "warn").map(({ message }) => message);
  assert.deepEqual(
    warned.map((message) => message.slice(0, 20)),
    ["DualSense: firmware:", "DualSense: calibrati", "DualSense: its calib"],
  );
  await hid.send(report({}));
  assert.ok(told.includes("motion 0"));
  await running.remove();

  const clock = manualClock();
  const silent = device({ features: { 32: "hang" } });
  const failed = assert.rejects(runDriver(driver, { usb: silent.usb, clock }), {
    kind: "timeout",
    message: "DualSense: it does not tell its firmware (plugged in anew, it may): the deadline passed",
  });
  await turn();
  clock.advance(2000);
  await failed;
});

test("another's reports are declined; garbage is a clear error; one that goes ends quietly", async () => {
  await assert.rejects(runDriver(driver, { usb: playedHid(dualShock4).usb }), { message: /of a DualSense/ });
  const garbage = playedHid(bytes("05 01 a1 01 09"));
  await assert.rejects(runDriver(driver, { usb: garbage.usb }), { kind: "protocol" });
  const { running, hid, unit } = await run();
  await hid.transport.unplug();
  await assert.rejects(unit.request("player", { number: 1 }), { kind: "disconnected" });
  await running.remove();
});

test("the rehearsal runs", () => rehearse(driver));
