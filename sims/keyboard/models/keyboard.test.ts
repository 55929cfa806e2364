// Runs in: tests. Owns: nothing; the boot keyboard's reports against HID 1.11's own table, and its requests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EPIPE, Host } from "../../input/test/host.ts";
import { keyboard } from "./keyboard.ts";

test("keys are told in the order in which they were pressed, modifiers as bits", async () => {
  const host = new Host(keyboard);
  const steps: [string, string][] = [
    ["key a down", "00 00 04 00 00 00 00 00"],
    ["key leftshift down", "02 00 04 00 00 00 00 00"],
    ["key rightmeta down", "82 00 04 00 00 00 00 00"],
    ["key enter down", "82 00 04 28 00 00 00 00"],
    ["key a up", "82 00 28 00 00 00 00 00"],
    ["key 102nd down", "82 00 28 64 00 00 00 00"],
    ["key kpdot down", "82 00 28 64 63 00 00 00"],
    ["release all", "00 00 00 00 00 00 00 00"],
  ];
  for (const [step, report] of steps) {
    host.play(step);
    assert.equal(await host.in(), report.replaceAll(" ", ""), step);
  }
});

test("a seventh key is ErrorRollOver in all six places, until one is let go", async () => {
  const host = new Host(keyboard);
  for (const key of ["1", "2", "3", "4", "5", "6"]) host.play(`key ${key} down`);
  assert.equal(await host.in(), "00001e1f20212223");
  host.play("key 7 down");
  assert.equal(await host.in(), "0000010101010101");
  host.play("key 1 up");
  assert.equal(await host.in(), "00001f2021222324");
});

test("what changes nothing is not told", async () => {
  const host = new Host(keyboard);
  host.play("key a down", "key a down", "key b up");
  assert.equal(await host.in(), "0000040000000000");
  assert.deepEqual(await host.drain(), []);
});

test("lights are a byte of SET_REPORT, and observed", async () => {
  const host = new Host(keyboard);
  assert.equal((await host.control(0x21, 9, 0x0200, 0, "03")).errno, 0);
  assert.deepEqual(host.observed, [{ observed: "leds", mask: 3 }]);
  assert.equal((await host.control(0xa1, 1, 0x0200, 0, 1)).hex, "03");
  assert.equal((await host.control(0x21, 9, 0x0300, 0, "03")).errno, EPIPE, "no feature report");
  assert.equal((await host.control(0x21, 9, 0x0200, 0, "")).errno, EPIPE, "no data");
});

test("descriptors: a boot keyboard at low speed, the 63 bytes of HID 1.11 appendix E.6", async () => {
  const host = new Host(keyboard);
  assert.equal((await host.control(0x80, 6, 0x0100, 0, 18)).hex, "120100020000000809120300000101020001");
  const { hex } = await host.control(0x80, 6, 0x0200, 0, 255);
  assert.equal(hex, "09022200010100a032" + "090400000103010100" + "092111010001223f00" + "0705810308000a");
  const report = (await host.control(0x81, 6, 0x2200, 0, 255)).hex;
  const byTheBook =
    "05010906a101050719e029e71500250175019508810295017508810195057501" +
    "050819012905910295017503910195067508150025650507190029658100c0";
  assert.equal(report, byTheBook);
});

test("a key that is no key, or of other keyboards, is told so", () => {
  const host = new Host(keyboard);
  assert.throws(() => host.play("key A down"), /key: expected a key .* found "A"/);
  assert.throws(() => host.play("key f24 down"), /found "f24"/);
  assert.throws(() => host.play("key volumeup down"), /found "volumeup"/);
  assert.throws(() => host.play("key a"), /key: expected down or up behind the name, found nothing/);
  assert.throws(() => host.play("key a down now"), /found "down now"/);
  assert.throws(() => host.play("move 1 2"), /expected wait, repeat or one of key, release, found "move"/);
});
