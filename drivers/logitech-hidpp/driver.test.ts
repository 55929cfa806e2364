// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@ring3/core/clock";
import { bytes } from "@ring3/core/hid/descriptors.fixture";
import type { EventData, InputClass } from "@ring3/sdk";
import { type RunOptions, runDriver } from "@ring3/sdk/test/run-driver";
import driver from "./driver.ts";
import { device, event, features, onlyLong, packed, withMouse } from "./mouse.fixture.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; !isSo(); turns++) {
    assert.ok(turns < 1000, `${isSo} has not come`);
    await turn();
  }
}
const [BATTERY, BUTTONS] = [1, 2]; // features() by their numbers, the lowest first
const START = ["ping", "0000 0 1004", "0000 0 1000", "1000 0", "0000 0 2201", "2201 1", "2201 2"];
const CONTROLS = [0, 1, 2, 3, 4, 5].map((at) => `1b04 1 ${at === 0 ? "" : `0${at}`}`.trimEnd());

async function run(hid = device(), options: Omit<RunOptions, "usb"> = {}) {
  const running = await runDriver(driver, { usb: hid.usb, ...options });
  const [unit] = running.units;
  const told: string[] = [];
  unit!.on("keys", ({ pressed }) => told.push(`keys ${pressed.filter((code) => code).join(" ")}`.trimEnd()));
  unit!.on("power", ({ percent, charging }) => told.push(`power ${percent} ${charging}`));
  unit!.on("resolution", ({ dpi }) => told.push(`resolution ${dpi}`));
  return { running, unit: unit!, hid, told };
}

test("it is asked what it can, its special buttons are diverted, and given back in the end", async () => {
  const { running, unit, hid } = await run();
  const diverted = ["1b04 3 00d003", "1b04 3 00c303"];
  assert.deepEqual(hid.asked.splice(0), [...START, "0000 0 1b04", "1b04 0", ...CONTROLS, ...diverted]);
  assert.match(hid.reports[0]!, /^output: 10ff0011/); // so that older devices understand it
  assert.ok(hid.reports.slice(-2).every((report) => report.length === "output: ".length + 40));
  assert.equal(unit.properties.dpi, 1600);
  assert.ok(unit.supports("dpi"));
  assert.match(running.log.at(-1)!.message, /HID\+\+/);
  await running.remove();
  assert.deepEqual(hid.asked, ["1b04 3 00d002", "1b04 3 00c302"]);
});

test("buttons and keys are told together, in the order in which they were pressed", async () => {
  const { running, hid, told } = await run();
  await hid.send(event(BUTTONS, 0x00, 0xc3), bytes("01 04 00 00 00"), event(BUTTONS, 0x00, 0xd0, 0x00, 0xc3));
  const rawMotion = Uint8Array.of(0x11, 0xff, BUTTONS, 0x10, 0, 0xc3, ...new Uint8Array(14)); // event 1
  await hid.send(rawMotion, event(BUTTONS), event(BUTTONS), bytes("01 00 00 00 00"));
  assert.deepEqual(told, ["keys 657", "keys 657 30", "keys 657 30 656", "keys 30", "keys"]);
  await running.remove();
});

test("a key that is held while its driver dies is told by the next one", async () => {
  const held = device({}, undefined, { inputs: { 1: bytes("01 04 00 00 00") } });
  const { running } = await run(held, { incarnation: 2 });
  const told = running.told.get("0 keys") as EventData<InputClass, "keys">;
  assert.deepEqual([told.pressed[0], told.pressed[1]], [30, 0]);
  await running.remove();
});

test("the battery is told when it is another one; while it charges it stays where it was", async () => {
  const { running, hid, told } = await run();
  await hid.send(event(BATTERY, 79, 50, 0), event(BATTERY, 79, 50, 0), event(BATTERY, 0, 0, 1));
  assert.deepEqual(told, ["power 79 0", "power 79 1"]);
  await hid.send(Uint8Array.of(...event(BATTERY, 3).subarray(0, 19)));
  assert.equal(told.length, 2);
  await running.remove();
});

test("a unified battery comes first; what it cannot say in percent it says in steps", async () => {
  const unified = { 4100: [() => [0x0f, 0], () => [55, 4, 1, 1]] };
  const { running, hid, told } = await run(device({ features: features(unified) }));
  assert.deepEqual(hid.asked.slice(1, 4), ["0000 0 1004", "1004 0", "1004 1"]);
  await hid.send(event(2, 55, 2, 1, 1)); // 1000h is the first
  assert.deepEqual(told, ["power 20 1"]);
  await running.remove();
});

test("the resolution is the nearest that it has; the next driver sets it again, and so does one that wakes up", async () => {
  const { running, unit, hid, told } = await run();
  hid.asked.length = 0;
  await unit.request("dpi", { dpi: 820 });
  assert.deepEqual(hid.asked.splice(0), ["2201 3 000320", "2201 2"]);
  assert.deepEqual(told, ["resolution 800"]);
  assert.equal(unit.properties.dpi, 800);
  await running.suspend();
  assert.deepEqual(hid.asked.splice(0), ["1b04 3 00d002", "1b04 3 00c302"]);
  await running.resume();
  assert.ok(hid.asked.includes("2201 3 000320"));
  await hid.send(bytes("01 04 00 00 00"));
  assert.deepEqual(told, ["resolution 800", "power 80 0", "keys", "keys 30"]);
  await running.remove();
  assert.deepEqual(running.state.readState(), { speaks: true, dpi: 800 });
  const next = await run(device(), { state: running.state, incarnation: 2 });
  assert.ok(next.hid.asked.includes("2201 3 000320"));
  assert.equal(next.unit.properties.dpi, 800);
  await next.running.remove();
});

test("at a rest all is let go, and nothing is said any more", async () => {
  const { running, hid, told } = await run();
  await hid.send(event(BUTTONS, 0x00, 0xc3), bytes("01 04 00 00 00"));
  await running.suspend();
  await running.resume();
  assert.deepEqual(told, ["keys 657", "keys 657 30", "keys", "power 80 0", "keys"]);
  await running.suspend();
  const { length } = hid.asked;
  await running.remove();
  assert.equal(hid.asked.length, length);
  assert.deepEqual(
    running.log.filter(({ level }) => level !== "info"),
    [],
  );
});

test("what it refuses it does without, and says so", async () => {
  const { running: before, unit: first } = await run();
  await first.request("dpi", { dpi: 800 });
  await before.remove();
  const refusing = features({
    8705: [() => [1], () => [0, 0x03, 0x20], () => [0, 0x06, 0x40], () => 2],
    6916: [() => [1], () => [...packed("00c3 00a9 31")], () => [], () => 5],
    4096: [() => 9],
  });
  const { running, unit } = await run(device({ features: refusing }), { state: before.state });
  assert.deepEqual(
    running.log.filter(({ level }) => level === "warn").map(({ message }) => message),
    ["battery", "resolution 800", "button c3"].map(
      (what, at) =>
        `goes on without: Logitech Mouse: HID++ ${what}: refused with error ${["9, unsupported", "2, invalid argument", "5, not allowed"][at]}: not supported`,
    ),
  );
  assert.equal(unit.properties.features & (1 << 8), 0);
  await assert.rejects(unit.request("dpi", { dpi: 400 }), { kind: "unsupported", message: /resolution 400/ });
  await running.remove();
});

test("HID++ alone, in long reports, is enough; without anything to tell it is not", async () => {
  const { running, unit, hid } = await run(device({}, onlyLong));
  assert.ok(hid.reports.every((report) => report.startsWith("output: 11ff")));
  assert.equal(unit.properties.features, 1 | (1 << 7) | (1 << 8));
  await running.remove();
  await assert.rejects(run(device({ features: {} }, onlyLong)), { message: /neither keys nor a battery/ });
});

test("one that has no keys tells none", async () => {
  const { running, hid, told } = await run(device({ features: { 4096: [() => [80, 50, 0]] } }, onlyLong));
  await running.suspend();
  await running.resume();
  await hid.send(event(BATTERY, 70, 50, 0));
  assert.deepEqual(told, ["power 80 0", "power 70 0"]);
  await running.remove();
});

test("what an earlier driver has asked for is not this one's answer", async () => {
  const stale = [bytes("10 ff 00 11 01 00 77"), event(BATTERY, 1, 1, 0)];
  const { running } = await run(device({ before: stale }));
  assert.deepEqual(running.log.at(-1)!.fields, { version: "4.2" });
  await running.remove();
});

test("one that is busy is asked again after a pause, three times in all", async () => {
  const clock = manualClock();
  const hid = device({ busy: 2 });
  const starting = run(hid, { clock });
  for (let tries = 1; tries <= 2; tries++) {
    await until(() => hid.asked.length === tries);
    clock.advance(99);
    await turn();
    assert.deepEqual(hid.asked, Array(tries).fill("ping"));
    clock.advance(1);
  }
  const { running } = await starting;
  await running.remove();
  await assert.rejects(run(device({ busy: 3 }), { incarnation: 2 }), {
    kind: "busy",
    message: /^Logitech Mouse: HID\+\+ ping: asked 3 times; another program may speak to it/,
  });
});

test("what it is too busy for at its start it does without; who asks later is told so", async () => {
  const busy = features({
    4096: [() => 8],
    8705: [() => [1], () => [...packed("00 00c8 e032 6400 0000")], () => [0, 6, 64, 6, 64], () => 8],
  });
  const { running, unit } = await run(device({ features: busy }));
  assert.equal(unit.properties.features & (1 << 8), 0);
  assert.equal(unit.properties.dpi, 1600);
  assert.match(running.log.find(({ level }) => level === "warn")!.message, /HID\+\+ battery: asked 3 times/);
  await assert.rejects(unit.request("dpi", { dpi: 400 }), { kind: "busy" });
  await running.remove();
});

const others: [what: string, hid: () => ReturnType<typeof device>, why: RegExp][] = [
  ["an older protocol", () => device({ isOld: true }), /speaks HID\+\+ 1\.0/],
  ["an older protocol that pings", () => device({ version: [1, 0] }), /speaks HID\+\+ 1\.0/],
  ["a mouse", () => device({}, withMouse), /declares a mouse/],
];
for (const [what, hid, why] of others)
  test(`declined: ${what}`, () => assert.rejects(run(hid()), { message: why }));

/** What a driver before has kept. */
const NOTHING = undefined;
const SPEAKS = { speaks: true };
const deafness: [deaf: string, kept: object | undefined, expected: object][] = [
  ["ping", NOTHING, { message: /does not answer in HID\+\+/ }],
  ["ping", SPEAKS, { kind: "timeout", message: /HID\+\+ ping: it does not answer/ }],
  ["0000 0 1000", NOTHING, { kind: "timeout", message: /feature 1000: it does not answer/ }],
  ["1000 0", NOTHING, { kind: "timeout", message: /battery: it does not answer/ }],
  ["2201 1", NOTHING, { kind: "timeout", message: /list of resolutions: it does not answer/ }],
  ["1b04 1 02", NOTHING, { kind: "timeout", message: /button 2: it does not answer/ }],
];
for (const [deaf, kept, expected] of deafness)
  test(`the second driver of a device that ${kept === SPEAKS ? "spoke to the first" : "the first has not heard"} and stops at "${deaf}" gives up after three times half a second`, async () => {
    const clock = manualClock();
    const hid = device({ deaf });
    const failed = run(hid, {
      clock,
      incarnation: 2,
      state: { readState: () => kept, writeState() {} },
    }).then(
      () => undefined,
      (error) => error,
    );
    const asked = () => hid.asked.filter((text) => text.startsWith(deaf)).length;
    for (let tries = 1; tries <= 3; tries++) {
      await until(() => asked() >= tries);
      clock.advance(499);
      await turn();
      assert.equal(asked(), tries);
      clock.advance(1);
    }
    await assert.rejects(Promise.reject(await failed), expected);
    assert.equal(asked(), 3);
  });

test("one that is gone in the middle of it is a clear error", async () => {
  const hid = device({ deaf: "2201 1" });
  const failed = assert.rejects(run(hid), { kind: "disconnected" });
  await until(() => hid.asked.includes("2201 1"));
  await hid.transport.unplug();
  await failed;
});
