import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parseReportDescriptor } from "./descriptor.ts";
import {
  bootKeyboard,
  bytes,
  dualSense,
  dualShock4,
  mouse,
  nkroKeyboard,
  wacomTablet,
  xboxController,
} from "./descriptors.fixture.ts";
import type { ReportKind } from "./layout.ts";
import { HidReport } from "./report.ts";
import { button, genericDesktop, keyboard, led, physicalInput } from "./usages.ts";

const { x, y, z, rz, hatSwitch } = genericDesktop;

function reportOf(descriptor: Uint8Array, kind: ReportKind = "input", reportId = 0): HidReport {
  return new HidReport(parseReportDescriptor(descriptor).layout[kind].reports.get(reportId)!);
}

const key = (id: number): number => 0x0007_0000 | id;
const pressed = (report: HidReport): number[] =>
  report.arrays.flatMap(({ usages, pressedCount }) => [...usages.subarray(0, pressedCount)]);

test("a mouse's buttons are single bits, its movements have a sign", () => {
  const report = reportOf(mouse);
  report.decode(bytes("05 ff 7f"));
  assert.deepEqual([...report.values], [1, 0, 1, -1, 127]);
  assert.deepEqual([report.value(button(3)), report.value(x), report.value(y)], [1, -1, 127]);
  assert.equal(report.value(genericDesktop.wheel), undefined);
  assert.equal(report.fieldAt(report.indexOf(y)).item.isAbsolute, false);
});

test("a keyboard's array is the set of keys that are down; 0 and what is out of range are none", () => {
  const report = reportOf(bootKeyboard);
  report.decode(bytes("02 00 04 00 65 66 05 ff"));
  assert.deepEqual(pressed(report), [key(0x04), key(0x65), key(0x05)]);
  assert.deepEqual([report.value(keyboard.leftShift), report.value(keyboard.leftControl)], [1, 0]);
  assert.deepEqual([report.isPressed(key(0x65)), report.isPressed(key(0x06))], [true, false]);
  report.decode(new Uint8Array(8));
  assert.deepEqual(pressed(report), []);
});

test("too many keys at once leave those that were down before", () => {
  const report = reportOf(bootKeyboard);
  report.decode(bytes("00 00 04 05 00 00 00 00"));
  report.decode(bytes("01 00 01 01 01 01 01 01"));
  assert.deepEqual(pressed(report), [key(0x04), key(0x05)]);
  assert.equal(report.value(keyboard.leftControl), 1);
  report.decode(bytes("00 00 06 00 00 00 00 00"));
  assert.deepEqual(pressed(report), [key(0x06)]);
});

test("an array counts from its logical minimum on", () => {
  const report = reportOf(nkroKeyboard, "input", 4);
  report.decode(bytes("e9 00"));
  assert.deepEqual(pressed(report), [0x000c_00e9]);
  report.decode(bytes("a1 02"));
  assert.deepEqual(pressed(report), []);
});

test("a bit for each key: 240 of them from the second byte on", () => {
  const report = reportOf(nkroKeyboard, "input", 6);
  const sent = new Uint8Array(31);
  sent[0] = 0x80;
  sent[1 + 3] = 1 << 6; // 0x1e is 8 · 3 + 6
  report.decode(sent);
  assert.deepEqual(
    [report.value(keyboard.rightGui), report.value(key(0x1e)), report.value(key(0x1f))],
    [1, 1, 0],
  );
});

test("a hat out of its range is a null state, whether it counts from 0 or from 1", () => {
  const sony = reportOf(dualShock4, "input", 1);
  sony.decode(bytes("80 80 80 80 08"));
  assert.equal(sony.value(hatSwitch), undefined);
  assert.ok(Number.isNaN(sony.values[sony.indexOf(hatSwitch)]));
  sony.decode(bytes("80 80 80 80 07"));
  assert.equal(sony.value(hatSwitch), 7);
  const xbox = reportOf(xboxController, "input", 1);
  for (const [sent, expected] of [
    ["00", undefined],
    ["01", 1],
    ["08", 8],
    ["09", undefined],
  ] as const) {
    xbox.decode(bytes(`00 00 00 00 00 00 00 00 00 00 00 00 ${sent}`));
    assert.equal(xbox.value(hatSwitch), expected);
  }
});

test("numbers of 10, 16, 24 and 32 bits, with a sign and without", () => {
  const xbox = reportOf(xboxController, "input", 1);
  xbox.decode(bytes("ff ff 00 80 00 00 00 00 ff ff 01 fc 01 ff 03"));
  assert.deepEqual([xbox.value(x), xbox.value(y), xbox.value(z), xbox.value(rz)], [65535, 32768, 1023, 1]);
  assert.deepEqual([xbox.value(button(8)), xbox.value(button(10))], [1, 1]);
  const pen = reportOf(wacomTablet, "input", 16);
  pen.decode(bytes("21 00 af 00 01 00 80 ff 1f c0 3f 7c fc 00 00 00 00 00 00 80 ff ff ff 7f 00 00"));
  assert.deepEqual(
    [...pen.values.subarray(7)],
    [44800, 8_388_609, 8191, -64, 63, -900, 0, 0, -2_147_483_648, 2_147_483_647, 0],
  );
});

test("a short report is filled up with zeros, and one that is too long is cut", () => {
  const report = reportOf(mouse);
  report.decode(bytes("07 05 06"));
  report.decode(bytes("01"));
  assert.deepEqual([...report.values], [1, 0, 0, 0, 0]);
  report.decode(bytes("02 01 02 ff ff ff"));
  assert.deepEqual([...report.values], [0, 1, 0, 1, 2]);
  report.decode(new Uint8Array(0));
  assert.deepEqual([...report.values], [0, 0, 0, 0, 0]);
});

test("where there are more controls than usages the last one names the rest", () => {
  const report = reportOf(bytes("06 00 ff 09 01 09 02 26 ff 00 75 08 95 04 81 02"));
  assert.deepEqual([...report.usages], [0xff00_0001, 0xff00_0002, 0xff00_0002, 0xff00_0002]);
  assert.equal(report.indexOf(0xff00_0002, 2), 2);
});

test("of a field of more than 32 bits the lowest 32 are looked at", () => {
  const report = reportOf(bytes("09 01 27 ff ff ff 7f 75 40 95 02 81 02"));
  report.decode(bytes("01 02 03 04 ff ff ff ff 05 00 00 00 ff ff ff ff"));
  assert.deepEqual([...report.values], [0x0403_0201, 5]);
});

test("a null flag without a range means nothing", () => {
  const report = reportOf(bytes("09 01 15 00 25 00 75 08 95 01 81 42"));
  report.decode(bytes("07"));
  assert.equal(report.values[0], 7);
});

test("LEDs and motors: values go into their bits, padding is zero", () => {
  const leds = reportOf(bootKeyboard, "output");
  leds.set(led.capsLock, 1);
  leds.set(led.kana, 1);
  assert.deepEqual(leds.encode(Uint8Array.of(0xff)), bytes("12"));
  const motors = reportOf(xboxController, "output", 3);
  motors.set(physicalInput.dcEnableActuators, 0xf);
  motors.values.set([1, 2, 3, 100], motors.indexOf(physicalInput.magnitude));
  motors.set(physicalInput.duration, 255);
  assert.deepEqual(motors.encode(), bytes("0f 01 02 03 64 ff 00 00"));
});

test("a hat without a direction, keys, and places of an array that nothing is in", () => {
  const pad = reportOf(xboxController, "input", 1);
  pad.set(hatSwitch, undefined);
  assert.equal(pad.encode()[12], 9);
  const keys = reportOf(bootKeyboard);
  for (const id of [0x04, 0x05, 0x04]) keys.press(key(id));
  assert.deepEqual(keys.encode(), bytes("00 00 04 05 00 00 00 00"));
  keys.release(key(0x04));
  assert.deepEqual(keys.encode(), bytes("00 00 05 00 00 00 00 00"));
});

test("an array of thousands of ranges and places is read in hardly more time than one with a single range", () => {
  const array = (...usages: string[]): HidReport =>
    reportOf(bytes("05 07 09 06 a1 01 15 00 26 ff 07 75 10 96 00 08", ...usages, "81 00 c0"));
  const apart = Array.from(
    { length: 1000 },
    (_, at) =>
      `0a ${(2 * at + 2)
        .toString(16)
        .padStart(4, "0")
        .replace(/(..)(..)/, "$2 $1")}`,
  );
  const sent = Uint8Array.from({ length: 4096 }, (_, at) => (at % 2 === 0 ? 0xe7 : 0x03)); // 999, the last one's
  const fastest = (report: HidReport): number =>
    Math.min(
      ...Array.from({ length: 20 }, () => {
        const began = performance.now();
        report.decode(sent);
        return performance.now() - began;
      }),
    );
  const many = array(...apart);
  const single = array("1a 01 00 2a 00 08");
  many.decode(sent);
  assert.deepEqual(pressed(many), Array(2048).fill(key(2000)));
  const [slow, fast] = [fastest(many), fastest(single)];
  assert.ok(slow < 30 * fast, `${slow} ms, ${fast} ms`); // ten steps to find one of a thousand
});

test("an array whose numbers all are usages cannot be left empty", () => {
  const full = reportOf(bytes("05 09 19 01 29 02 15 00 25 01 75 01 95 02 91 00"), "output");
  full.press(button(2));
  assert.throws(() => full.encode(), { kind: "invalid", message: /no number that means no usage/ });
  full.press(button(1));
  assert.deepEqual(full.encode(), bytes("01"));
});

test("what does not fit is refused", () => {
  const motors = reportOf(xboxController, "output", 3);
  const refused = (value: number | undefined) => {
    motors.set(physicalInput.duration, value);
    assert.throws(() => motors.encode(), { kind: "out-of-range", message: /value 5 .* expected 0 to 255/ });
  };
  for (const value of [256, -1, 0.5, Number.POSITIVE_INFINITY, undefined]) refused(value);
  assert.throws(() => motors.set(x, 1), { kind: "invalid", message: /usage 0x10030/ });
  const keys = reportOf(bootKeyboard);
  assert.throws(() => keys.press(key(0x66)), { kind: "invalid", message: /usage 0x70066/ });
  for (let id = 4; id < 10; id++) keys.press(key(id));
  assert.throws(() => keys.press(key(10)), { kind: "invalid", message: /at most 6 usages on/ });
  assert.throws(() => keys.encode(new Uint8Array(7)), {
    kind: "invalid",
    message: /room for 8 bytes, found 7/,
  });
});

test("a report is read without allocating", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const [pad, keys] = [reportOf(dualSense, "input", 1), reportOf(bootKeyboard)];
  const [padBytes, keyBytes] = [
    Uint8Array.from({ length: 63 }, (_, at) => 7 * at),
    bytes("02 00 04 05 06 00 00 00"),
  ];
  const read = (times: number): void => {
    for (let count = 0; count < times; count++) {
      pad.decode(padBytes);
      keys.decode(keyBytes);
    }
  };
  read(20_000); // until it is compiled
  collect();
  const before = process.memoryUsage().heapUsed;
  read(50_000);
  assert.ok(process.memoryUsage().heapUsed - before < 50_000 * 4);
});
