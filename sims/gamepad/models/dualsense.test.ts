// Runs in: tests. Owns: nothing; the pad's reports against bytes worked out by hand from Linux's structures, and what reaches it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EPIPE, Host } from "../../input/test/host.ts";
import { dualsense } from "./dualsense.ts";

const HID = 3;
const OUT = 0x03;

/** Fields of a report by their offsets, in hexadecimal. */
function fields(hex: string, ...spans: [at: number, length: number][]): string[] {
  assert.equal(hex.length, 128);
  return spans.map(([at, length]) => hex.slice(2 * at, 2 * (at + length)));
}

test("at rest: sticks in the middle, hat 8, lying flat, no finger, full", async () => {
  const host = new Host(dualsense);
  host.play("release all");
  const report = await host.in();
  const upright = "0000" + "831f" + "0200"; // -0, (16362 - 228) / 2 = 8067, 3 / 2
  assert.deepEqual(fields(report, [0, 1], [1, 6], [8, 4], [16, 6], [22, 6], [33, 8], [53, 1]), [
    "01",
    "808080800000",
    "08000000",
    "000000000000",
    upright,
    "8000000080000000",
    "2a",
  ]);
});

test("sticks, triggers and buttons", async () => {
  const host = new Host(dualsense);
  host.play("left -1 1", "right 0.5 0", "left-trigger 1", "hat right", "press south west");
  host.play("press right-shoulder start right-stick", "press mode touchpad mute");
  const [axes, buttons] = fields(await host.in(), [1, 6], [8, 4]);
  assert.equal(axes, "00ff" + "bf80" + "ff00");
  // hat 2, square 10h, cross 20h; R1 02h, L2 04h by its way, options 20h, R3 80h; PS, touchpad, mute
  assert.equal(buttons, "32" + "a6" + "07" + "00");
});

test("every other button is where it belongs", async () => {
  const host = new Host(dualsense);
  const bits = {
    north: 7,
    east: 6,
    "left-shoulder": 8,
    "left-trigger": 10,
    "right-trigger": 11,
    select: 12,
    "left-stick": 14,
  };
  for (const [button, bit] of Object.entries(bits)) {
    host.play(`press ${button}`);
    const [found] = fields(await host.in(), [8, 4]);
    const word = Buffer.alloc(4);
    word.writeUInt32LE((1 << bit) | 8);
    assert.equal(found, word.toString("hex"), button);
    host.play(`release ${button}`);
    await host.in();
  }
});

test("sensors as they are before calibration: 1080 degrees a second are 17727, 17728, 17769; 1 g is half of its range", async () => {
  const host = new Host(dualsense);
  host.play("gyro 540 -540 54", "accel 1 0 -1");
  const [gyro, accel] = fields(await host.in(), [16, 6], [22, 6]);
  // 8863.5, -8864, 888.45; 8187, -114, -8196
  assert.equal(gyro, "a022" + "60dd" + "7803");
  assert.equal(accel, "fb1f" + "8eff" + "fcdf");
});

test("fingers: number, then twelve bits each of x and y; a new touch has a new number", async () => {
  const host = new Host(dualsense);
  host.play("touch 0 0 0", "touch 1 1 1");
  // 1919 = 77fh, 1079 = 437h
  assert.deepEqual(fields(await host.in(), [33, 4], [37, 4]), ["00000000", "017f7743"]);
  host.play("touch 0 0.5 0");
  assert.deepEqual(fields(await host.in(), [33, 4], [37, 4]), ["00c00300", "017f7743"]);
  host.play("touch 1 up");
  assert.deepEqual(fields(await host.in(), [33, 4], [37, 4]), ["00c00300", "80000000"]);
  host.play("touch 1 0 0");
  assert.deepEqual(fields(await host.in(), [37, 4]), ["02000000"]);
});

test("power: tenths below, how it charges above", async () => {
  const host = new Host(dualsense);
  for (const [step, byte] of [
    ["battery 45", "04"],
    ["battery 45 charging", "14"],
    ["battery 100", "0a"],
    ["battery 100 charging", "2a"],
  ] as const) {
    host.play(step);
    assert.deepEqual(fields(await host.in(), [53, 1]), [byte], step);
  }
});

test("reports are counted, and its clock goes in thirds of a microsecond", async () => {
  const host = new Host(dualsense);
  host.play("release all");
  const first = fields(await host.in(), [7, 1], [28, 4]);
  host.play("release all");
  assert.deepEqual(
    [first, fields(await host.in(), [7, 1], [28, 4])],
    [
      ["01", "e02e0000"],
      ["02", "c05d0000"],
    ],
  );
});

test("what it is told: motors, lights, triggers, each where its flag says so", async () => {
  const host = new Host(dualsense);
  const report = Buffer.alloc(63);
  report.set([0x02, 0x0f, 0x15, 0x40, 0x80]);
  report[9] = 1;
  report.set([0x21, 0xfc, 0x03], 11);
  report.set([0x26, 0xff], 22);
  report[39] = 0x02;
  report.set([0x02, 0x00, 0x0a, 1, 2, 3], 42);
  await host.out(OUT, report.toString("hex"));
  assert.deepEqual(host.observed, [
    { observed: "rumble", strong: 0x80, weak: 0x40 },
    { observed: "mute-light", mode: 1 },
    { observed: "trigger", side: "right", mode: 0x21, parameters: "fc030000000000000000" },
    { observed: "trigger", side: "left", mode: 0x26, parameters: "ff000000000000000000" },
    { observed: "light-setup", value: 2 },
    { observed: "player", lights: 10 },
    { observed: "light", red: 1, green: 2, blue: 3 },
  ]);
  host.observed.length = 0;
  await host.out(OUT, "020000ffff");
  await host.out(OUT, "310100ffff");
  assert.deepEqual(host.observed, []);
  assert.equal((await host.control(0x21, 9, 0x0202, HID, "02 03 00 05 06")).errno, 0);
  report.fill(0).set([0x02, 0x02, 0, 7, 8]);
  report[39] = 0x04;
  await host.out(OUT, report.toString("hex"));
  assert.deepEqual(host.observed, [
    { observed: "rumble", strong: 6, weak: 5 },
    { observed: "rumble", strong: 8, weak: 7 },
  ]);
});

test("it does not rumble for who has not switched off the haptics of its sound", async () => {
  const host = new Host(dualsense);
  const report = Buffer.alloc(63);
  report.set([0x02, 0x01, 0, 7, 8]);
  report[39] = 0x04;
  await host.out(OUT, report.toString("hex"));
  assert.deepEqual(host.observed, []);
});

test("feature reports: calibration, pairing, firmware; no others", async () => {
  const host = new Host(dualsense);
  const feature = (id: number, length: number) => host.control(0xa1, 1, 0x0300 | id, HID, length);
  const calibration = await feature(0x05, 41);
  assert.equal(
    calibration.hex,
    "05" +
      "000000000000" +
      "9f2260dd" +
      "a02260dd" +
      "b5224cdd" +
      "1c021c02" +
      "fb1f05e0" +
      "831f99df" +
      "0720fcdf" +
      "000000000000",
  );
  assert.equal((await feature(0x09, 20)).hex.slice(0, 14), "09332211e33ad0");
  assert.equal((await feature(0x20, 64)).hex.length, 128);
  assert.equal((await feature(0x21, 64)).errno, EPIPE);
});

test("descriptors: 227 bytes with three interfaces of sound, 273 bytes of report descriptor, a qualifier", async () => {
  const host = new Host(dualsense);
  assert.equal(
    (await host.control(0x80, 6, 0x0100, 0, 18)).hex,
    "1201000200000040" + "4c05e60c00010102" + "0001",
  );
  const configuration = (await host.control(0x80, 6, 0x0200, 0, 255)).hex;
  assert.equal(configuration.length / 2, 227);
  assert.equal(configuration.slice(-64), "0904030002030000000921110100012211010705840340000607050303400006");
  assert.equal((await host.control(0x81, 6, 0x2200, HID, 512)).hex.length / 2, 273);
  assert.equal((await host.control(0x80, 6, 0x0600, 0, 10)).hex, "0a060002000000400100");
  assert.equal((await host.control(0x01, 11, 1, 1)).errno, 0, "the second setting of its loudspeaker");
});

test("told to stop in its handshake it does not answer for its firmware", async () => {
  const host = new Host(dualsense, { faults: ["stop-in-handshake"] });
  assert.equal((await host.control(0xa1, 1, 0x0309, HID, 20)).errno, 0);
  const firmware = host.control(0xa1, 1, 0x0320, HID, 64);
  const never = Symbol("never");
  assert.equal(await Promise.race([firmware, Promise.resolve(never)]), never);
});

test("it reports every few milliseconds, and only as fast as it is asked", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const host = new Host(dualsense, { intervalMs: 4 });
  context.mock.timers.tick(40);
  assert.equal((await host.drain()).length, 1);
  const next = host.in();
  context.mock.timers.tick(4);
  await next;
  host.device.stop();
});
