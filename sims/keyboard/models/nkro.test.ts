// Runs in: tests. Owns: nothing; the keyboard's reports against bytes worked out by hand from its report descriptor.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EPIPE, Host } from "../../input/test/host.ts";
import { nkro } from "./nkro.ts";

const BOOT_IN = 0x81;

test("every key is a bit of its own, however many there are", async () => {
  const host = new Host(nkro);
  const steps: [string, string][] = [
    ["key a down", "01 00 01000000 00000000 00000000 0000"],
    ["key rightctrl down", "01 10 01000000 00000000 00000000 0000"],
    ["key enter down", "01 10 01000000 10000000 00000000 0000"], // 28h is bit 36
    ["key f24 down", "01 10 01000000 10000000 00000000 0080"], // 73h is bit 111
    ["key a up", "01 10 00000000 10000000 00000000 0080"],
  ];
  for (const [step, report] of steps) {
    host.play(step);
    assert.equal(await host.in(), report.replaceAll(" ", ""), step);
  }
  for (const key of "bcdefghi") host.play(`key ${key} down`);
  const reports = await host.drain();
  assert.equal(reports.at(-1), "0110fe0100001000000000000000" + "0080");
  assert.deepEqual(await host.drain(BOOT_IN), []);
});

test("media keys by their number, the last one that is held", async () => {
  const host = new Host(nkro);
  const steps: [string, string][] = [
    ["key volumeup down", "02e900"],
    ["key playpause down", "02cd00"],
    ["key playpause up", "02e900"],
    ["release all", "020000"],
  ];
  for (const [step, report] of steps) {
    host.play(step);
    assert.equal(await host.in(), report, step);
  }
});

test("in the boot protocol its first interface speaks, and its second only of media keys", async () => {
  const host = new Host(nkro);
  assert.equal((await host.control(0x21, 11, 0, 0)).errno, 0);
  host.play("key a down", "key mute down");
  assert.equal(await host.in(BOOT_IN), "0000040000000000");
  assert.deepEqual(await host.drain(), ["02e200"]);
  await host.control(0x21, 11, 1, 0);
  host.play("key b down");
  assert.equal((await host.in()).slice(0, 6), "010003");
});

test("lights on either interface, with the report's id where it has one", async () => {
  const host = new Host(nkro);
  assert.equal((await host.control(0x21, 9, 0x0200, 0, "01")).errno, 0);
  assert.equal((await host.control(0x21, 9, 0x0201, 1, "01 02")).errno, 0);
  assert.equal((await host.control(0x21, 9, 0x0202, 1, "02 02")).errno, EPIPE);
  assert.deepEqual(host.observed, [
    { observed: "leds", mask: 1 },
    { observed: "leds", mask: 2 },
  ]);
  assert.equal((await host.control(0xa1, 1, 0x0201, 1, 2)).hex, "0102");
  host.play("key volumedown down");
  assert.equal((await host.control(0xa1, 1, 0x0102, 1, 3)).hex, "02ea00");
  assert.equal((await host.control(0xa1, 1, 0x0103, 1, 3)).errno, EPIPE);
});

test("descriptors: two interfaces in 59 bytes, the first a boot keyboard", async () => {
  const host = new Host(nkro);
  const { hex } = await host.control(0x80, 6, 0x0200, 0, 255);
  assert.deepEqual(
    [hex.length / 2, hex.slice(18, 36), hex.slice(68, 86)],
    [59, "090400000103010100", "090401000103000000"],
  );
  assert.equal((await host.control(0x81, 6, 0x2200, 0, 255)).hex.length / 2, 63);
  assert.equal((await host.control(0x81, 6, 0x2200, 1, 255)).hex.length / 2, 74);
  assert.equal((await host.control(0x81, 6, 0x2100, 1, 9)).hex, "092111010001224a00");
});
