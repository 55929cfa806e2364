// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bootKeyboard,
  bytes,
  dualSense,
  mouse,
  nkroKeyboard,
  wacomTablet,
} from "@ring3/core/hid/descriptors.fixture";
import type { EventData, InputClass } from "@ring3/sdk";
import { type HidOptions, type PlayedHid, playedHid } from "@ring3/sdk/test/played-hid";
import { rehearse } from "@ring3/sdk/test/rehearse";
import { type RunningDriver, type RunOptions, runDriver } from "@ring3/sdk/test/run-driver";
import { fineMouse, macroPad } from "./devices.fixture.ts";
import driver from "./driver.ts";

async function run(hid: PlayedHid, options: Omit<RunOptions, "usb"> = {}) {
  const running = await runDriver(driver, { usb: hid.usb, ...options });
  const told: string[] = [];
  for (const [number, port] of running.units.entries()) {
    port.on("keys", ({ pressed }) => told.push(`${number} keys ${pressed.filter((code) => code).join(" ")}`));
    port.on("motion", ({ x, y, wheel }) => told.push(`${number} motion ${x} ${y} ${wheel}`));
    port.on("pointer", ({ x, y, near }) => told.push(`${number} pointer ${x} ${y} ${near}`));
  }
  return { running, told, units: running.units };
}

test("keys are told when they are others, and the same again after a rest", async () => {
  const hid = playedHid(bootKeyboard, { subclass: 1, protocol: 1, manufacturer: "Acme", product: "Keys" });
  const { running, told } = await run(hid);
  const prepared = ["21 0a 0000 0000", "21 0b 0001 0000"];
  assert.deepEqual(hid.transport.heard.slice(1), [...prepared, "21 09 0200 0000: 00"]);
  const a = bytes("00 00 04 00 00 00 00 00");
  await hid.send(a, a, new Uint8Array(8), a);
  assert.deepEqual(told, ["0 keys 30", "0 keys ", "0 keys 30"]);
  await running.suspend();
  await running.resume();
  await hid.send(a);
  assert.deepEqual(told.slice(3), ["0 keys ", "0 keys 30"]);
  await running.remove();
});

const pressedIn = (running: RunningDriver<InputClass>, unit = 0) =>
  (running.told.get(`${unit} keys`) as EventData<InputClass, "keys"> | undefined)?.pressed.filter(
    (code) => code,
  );

test("what is held while its driver dies, or rests, is told by the next one, and by one that wakes up", async () => {
  const held = playedHid(bootKeyboard, { inputs: { 0: bytes("02 00 04 00 00 00 00 00") } });
  const { running, told } = await run(held);
  await held.send(new Uint8Array(8));
  assert.deepEqual(told, ["0 keys "]); // who has just been plugged in tells by itself
  await running.suspend();
  await running.resume();
  assert.deepEqual(told.slice(1), ["0 keys 42 30"]);
  await running.remove();
  const next = await run(held, { incarnation: 2 });
  assert.deepEqual(pressedIn(next.running), [42, 30]);
  await held.send(new Uint8Array(8));
  assert.deepEqual(next.told, ["0 keys "]);
  await next.running.remove();
});

test("what comes while a device is asked is newer than its answer; one that does not answer keeps nobody from starting", async () => {
  const answer = Promise.withResolvers<Uint8Array>();
  const late = playedHid(bootKeyboard, { inputs: { 0: answer.promise } });
  const starting = run(late, { incarnation: 2 });
  await late.send(bytes("00 00 04 00 00 00 00 00"));
  answer.resolve(bytes("00 00 05 00 00 00 00 00"));
  const { running } = await starting;
  await late.send();
  assert.deepEqual(pressedIn(running), [30]);
  await running.remove();
  for (const silence of ["stall", "hang"] as const) {
    const silent = await run(playedHid(bootKeyboard, { inputs: { 0: silence } }), { incarnation: 2 });
    assert.equal(pressedIn(silent.running), undefined);
    await silent.running.remove();
  }
});

for (const [what, descriptor] of [
  ["a mouse", mouse],
  ["a tablet", wacomTablet],
] as const)
  test(`${what} is not asked: what it says is where it has moved to`, async () => {
    const hid = playedHid(descriptor);
    await (await run(hid, { incarnation: 2 })).running.remove();
    assert.ok(hid.transport.heard.every((asked) => !asked.startsWith("a1 01 01")));
  });

test("of three reports two are not said: the other is heard all the same", async () => {
  const keys = new Uint8Array(32);
  keys.set([6, 0x02, 0x10]);
  const { running } = await run(playedHid(nkroKeyboard, { inputs: { 6: keys } }), { incarnation: 2 });
  assert.deepEqual(pressedIn(running, 2), [42, 30]);
  await running.remove();
});

test("lights go out to the keyboard; the next driver lights them again, and so does one that wakes up", async () => {
  const hid = playedHid(bootKeyboard);
  const { running, units } = await run(hid);
  assert.deepEqual(hid.reports, []); // nobody has asked for any
  await units[0]!.request("leds", { mask: 0b10 });
  await units[0]!.request("leds", { mask: 0xffff_ffff });
  assert.deepEqual(hid.reports.splice(0), ["output: 02", "output: 1f"]);
  await running.suspend();
  await running.resume();
  assert.deepEqual(hid.reports.splice(0), ["output: 1f"]);
  await running.remove();
  const next = playedHid(bootKeyboard);
  await (await run(next, { state: running.state, incarnation: 2 })).running.remove();
  assert.deepEqual(next.reports, ["output: 1f"]);
});

test("a boot keyboard's lights are put out at the start, for some are silent until then; those that were lit stay", async () => {
  const boot = { subclass: 1, protocol: 1 };
  const hid = playedHid(bootKeyboard, boot);
  const { running, units } = await run(hid);
  assert.deepEqual(hid.reports.splice(0), ["output: 00"]);
  await running.suspend();
  await running.resume();
  assert.deepEqual(hid.reports.splice(0), ["output: 00"]);
  await units[0]!.request("leds", { mask: 2 });
  await running.remove();
  const next = playedHid(bootKeyboard, boot);
  await (await run(next, { state: running.state, incarnation: 2 })).running.remove();
  assert.deepEqual(next.reports, ["output: 02"]);
  const refusing = await run(playedHid(bootKeyboard, { ...boot, report: () => "stall" }));
  await refusing.running.remove();
  const mouse = playedHid(bootKeyboard, { subclass: 1, protocol: 2 });
  await (await run(mouse)).running.remove();
  assert.deepEqual(mouse.reports, []);
});

test("lights that the device refuses fail their request, are not kept, and do not keep a driver from starting", async () => {
  const refusing: HidOptions = { report: () => "stall" };
  const { running, units } = await run(playedHid(bootKeyboard, refusing));
  await assert.rejects(units[0]!.request("leds", { mask: 1 }), { kind: "stall" });
  const { state } = running;
  assert.equal(state.readState(), undefined);
  await running.remove();
  state.writeState([3]);
  const { running: next } = await run(playedHid(bootKeyboard, refusing), { state, incarnation: 2 });
  assert.match(next.log.at(-1)!.message, /^LEDs: output report 0/);
  await next.remove();
});

test("each unit has its own lights and its own events", async () => {
  const hid = playedHid(nkroKeyboard);
  const { running, told, units } = await run(hid);
  assert.deepEqual(
    units.map((unit) => unit.supports("leds")),
    [false, false, true],
  );
  await units[2]!.request("leds", { mask: 1 });
  assert.deepEqual(hid.reports, ["output: 0601"]);
  await hid.send(bytes("03 81 00"), bytes("04 e9 00"), Uint8Array.of(6, 2, ...new Uint8Array(30)));
  assert.deepEqual(told, ["0 keys 116", "1 keys 115", "2 keys 42"]);
  await running.remove();
});

test("wheels are made to tell as finely as they can, what else is in that report stays, and again after a rest", async () => {
  const hid = playedHid(fineMouse, { features: { 6: Uint8Array.of(6, 0xa0) } });
  const { running, told } = await run(hid);
  assert.deepEqual(hid.reports.splice(0), ["feature: 06a5"]);
  await hid.send(bytes("05 00 00 00 00 08 00"));
  assert.deepEqual(told, ["0 motion 0 0 120", "0 keys "]);
  await running.suspend();
  await running.resume();
  assert.deepEqual(hid.reports, ["feature: 06a5"]);
  await running.remove();
});

const refusals: [what: string, options: HidOptions][] = [
  ["does not say what is in the report", {}],
  ["refuses the report", { features: { 6: Uint8Array.of(6, 0) }, report: () => "stall" }],
];
for (const [what, options] of refusals)
  test(`a mouse that ${what} is told by whole notches`, async () => {
    const hid = playedHid(fineMouse, options);
    const { running, told } = await run(hid);
    assert.match(running.log.at(-1)!.message, /^resolution of the wheels: feature report 6/);
    await hid.send(bytes("05 00 00 00 00 01 00"));
    assert.equal(told[0], "0 motion 0 0 120");
    await running.remove();
  });

test("a pen comes first and touches then, and is lifted before it goes; a knob's steps are keys", async () => {
  const tablet = playedHid(wacomTablet);
  const pen = await run(tablet);
  await tablet.send(bytes("10 21 01 00 00 01 00 00 00 00"), bytes("10 00 02 00 00 02 00 00 00 00"));
  assert.deepEqual(pen.told, ["1 pointer 1 1 1", "1 keys 330", "1 keys ", "1 pointer 2 2 0"]);
  await pen.running.remove();
  const pad = playedHid(macroPad);
  const knob = await run(pad);
  await pad.send(bytes("01 01 00 00 00 02 00"));
  assert.deepEqual(
    knob.told,
    ["656", "656 115", "656", "656 115", "656"].map((keys) => `0 keys ${keys}`),
  );
  await knob.running.remove();
});

test("a pad is declined, garbage is a clear error, and a device that is gone too", async () => {
  await assert.rejects(runDriver(driver, { usb: playedHid(dualSense).usb }), {
    message: /declares no keyboard, mouse, tablet or control/,
  });
  await assert.rejects(runDriver(driver, { usb: playedHid(bytes("05 01 09 06 a1 01 81")).usb }), {
    kind: "protocol",
    message: /HID report descriptor/,
  });
  const gone: PlayedHid = playedHid(fineMouse, {
    features: { 6: Uint8Array.of(6, 0) },
    report() {
      void gone.transport.unplug();
      return "ok";
    },
  });
  await assert.rejects(runDriver(driver, { usb: gone.usb }), {
    kind: "disconnected",
    message: /feature report 6/,
  });
});

test("the rehearsal runs", () => rehearse(driver));
