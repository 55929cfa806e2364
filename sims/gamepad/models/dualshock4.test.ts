// Runs in: tests. Owns: nothing; the pad's reports against bytes worked out by hand from Linux's structures, and what reaches it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EPIPE, Host } from "../../input/test/host.ts";
import { dualshock4 } from "./dualshock4.ts";

const HID = 3;
const OUT = 0x03;

/** Fields of a report by their offsets, in hexadecimal. */
function fields(hex: string, ...spans: [at: number, length: number][]): string[] {
  assert.equal(hex.length, 128);
  return spans.map(([at, length]) => hex.slice(2 * at, 2 * (at + length)));
}

test("at rest: sticks in the middle, hat 8, lying flat, full on its cable, one room for fingers and none in it", async () => {
  const host = new Host(dualshock4);
  host.play("release all");
  const report = await host.in();
  const flat = "b7ff" + "8c1e" + "5100"; // (8163 - 8309) / 2 = -73, 7820, (8240 - 8079) / 2 = 80.5
  assert.deepEqual(
    fields(report, [0, 1], [1, 4], [5, 3], [8, 2], [13, 6], [19, 6], [30, 1], [33, 1], [35, 8]),
    ["01", "80808080", "080004", "0000", "000000000000", flat, "1b", "01", "8000000080000000"],
  );
});

test("sticks, triggers and buttons; beside the last two a counter", async () => {
  const host = new Host(dualshock4);
  host.play(
    "left -1 1",
    "right-trigger 1",
    "hat down",
    "press north",
    "press left-shoulder select",
    "press mode touchpad",
  );
  const [axes, buttons, triggers] = fields(await host.in(), [1, 4], [5, 3], [8, 2]);
  assert.equal(axes, "00ff8080");
  // hat 4, triangle 80h; L1 01h, R2 08h by its way, share 10h; PS, touchpad, and the sixth report: 6 << 2
  assert.equal(buttons, "84" + "19" + "1b");
  assert.equal(triggers, "00ff");
  assert.throws(() => host.play("press mute"), /found "mute"/);
});

test("sensors, fingers, power", async () => {
  const host = new Host(dualshock4);
  host.play("gyro 540 0 -540", "accel 0 0 1", "touch 0 1 1", "battery 30 charging");
  const report = await host.in();
  // 8913.5, 0, -8874; -73, -352, 8240; 1919 = 77fh, 941 = 3adh
  assert.deepEqual(fields(report, [13, 6], [19, 6], [35, 4], [30, 1]), [
    "d222" + "0000" + "56dd",
    "b7ff" + "a0fe" + "3020",
    "007fd73a",
    "13",
  ]);
  host.play("battery 100");
  assert.deepEqual(fields(await host.in(), [30, 1]), ["0a"]);
});

test("its clock goes in sixteen thirds of a microsecond", async () => {
  const host = new Host(dualshock4);
  host.play("release all");
  assert.deepEqual(fields(await host.in(), [10, 2]), ["ee02"]); // 4000 / 5.33 = 750
});

test("what it is told: motors, light, blinking, each where its flag says so", async () => {
  const host = new Host(dualshock4);
  await host.out(OUT, `05 07 00 00 40 80 01 02 03 0a 14 ${"00".repeat(21)}`);
  assert.deepEqual(host.observed, [
    { observed: "rumble", strong: 0x80, weak: 0x40 },
    { observed: "light", red: 1, green: 2, blue: 3 },
    { observed: "blink", on: 10, off: 20 },
  ]);
  host.observed.length = 0;
  await host.out(OUT, `05 00 00 00 40 80 ${"00".repeat(26)}`);
  assert.deepEqual(host.observed, []);
});

test("feature reports: calibration, addresses, firmware; no others", async () => {
  const host = new Host(dualshock4);
  const feature = (id: number, length: number) => host.control(0xa1, 1, 0x0300 | id, HID, length);
  assert.equal(
    (await feature(0x02, 37)).hex,
    "02" +
      "000000000000" +
      "d1222edd" +
      "b82247dd" +
      "aa2256dd" +
      "1c021c02" +
      "e31f8bdf" +
      "8c1eb4de" +
      "302071e0" +
      "0000",
  );
  assert.equal((await feature(0x12, 16)).hex, "12" + "d444559c661c" + "082500" + "000000000000");
  assert.equal((await feature(0x81, 7)).hex, "81" + "d444559c661c");
  const firmware = (await feature(0xa3, 49)).hex;
  assert.deepEqual(
    [firmware.length / 2, firmware.slice(70, 74), firmware.slice(82, 86)],
    [49, "00b4", "0ba0"],
  );
  assert.equal((await feature(0x08, 4)).errno, EPIPE);
});

test("descriptors: 225 bytes with three interfaces of sound, 507 bytes of report descriptor, no qualifier", async () => {
  const host = new Host(dualshock4);
  assert.equal(
    (await host.control(0x80, 6, 0x0100, 0, 18)).hex,
    "1201000200000040" + "4c05cc0900010102" + "0001",
  );
  const configuration = (await host.control(0x80, 6, 0x0200, 0, 255)).hex;
  assert.equal(configuration.length / 2, 225);
  assert.equal(configuration.slice(-64), "09040300020300000009211101000122fb010705840340000507050303400005");
  assert.equal((await host.control(0x81, 6, 0x2200, HID, 512)).hex.length / 2, 507);
  assert.equal((await host.control(0x80, 6, 0x0600, 0, 10)).errno, EPIPE);
});
