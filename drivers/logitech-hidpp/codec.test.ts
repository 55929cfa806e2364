// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReportDescriptor } from "@ring3/core/hid/descriptor";
import { bootKeyboard, bytes, mouse } from "@ring3/core/hid/descriptors.fixture";
import fc from "fast-check";
import { batteryLevel, type Power, saysPercent, unifiedBattery } from "./battery.ts";
import { codesOfButtons, diversion, pressedButtons, specialButton } from "./buttons.ts";
import { whyNot } from "./interface.ts";
import { Keys } from "./keys.ts";
import { onlyLong, onlyShort, packed, second, withLights, withMouse } from "./mouse.fixture.ts";
import { answer, LONG_BYTES, LONG_ID, question, SHORT_BYTES, SHORT_ID, unasked } from "./packets.ts";
import { nearest, resolutions } from "./resolution.ts";
import { pressedKeys, propertiesOf } from "./unit.ts";

const text = (data: Uint8Array): string => Buffer.from(data).toString("hex");
const long = (...head: number[]): Uint8Array => {
  const report = new Uint8Array(LONG_BYTES);
  report.set(head);
  return report;
};
const asked = { index: 5, fn: 3, parameters: [0, 6, 64] };

test("a question has the wired device's index, the feature's, the function with the software's number", () => {
  assert.equal(text(question(asked, SHORT_BYTES)), "ff0531000640");
  assert.equal(text(question(asked, LONG_BYTES)), `ff0531000640${"00".repeat(13)}`);
});

const answers: [what: string, id: number, bytes: Uint8Array, kind: string | undefined][] = [
  ["its answer", LONG_ID, long(0xff, 5, 0x31, 9), "done"],
  ["its answer, short", SHORT_ID, Uint8Array.of(0xff, 5, 0x31, 9, 0, 0), "done"],
  ["its answer, of one on Bluetooth", LONG_ID, long(0, 5, 0x31, 9), "done"],
  ["that of a device that a receiver has paired", LONG_ID, long(1, 5, 0x31, 9), undefined],
  ["that of another function", LONG_ID, long(0xff, 5, 0x21), undefined],
  ["that of another feature", LONG_ID, long(0xff, 4, 0x31), undefined],
  ["what another program asked", LONG_ID, long(0xff, 5, 0x32), undefined],
  ["an event", LONG_ID, long(0xff, 5, 0x30), undefined],
  ["that of a paired device", LONG_ID, long(0x01, 5, 0x31), undefined],
  ["a refusal", LONG_ID, long(0xff, 0xff, 5, 0x31, 2), "refused"],
  ["a refusal of something else", LONG_ID, long(0xff, 0xff, 5, 0x21, 2), undefined],
  ["that it is busy", LONG_ID, long(0xff, 0xff, 5, 0x31, 8), "busy"],
  ["an error of HID++ 1.0", SHORT_ID, Uint8Array.of(0xff, 0x8f, 5, 0x31, 1, 0), "old"],
  ["another report", 0x12, long(0xff, 5, 0x31), undefined],
  ["one that is cut", LONG_ID, long(0xff, 5, 0x31).subarray(0, 18), undefined],
  ["a short one that is cut", SHORT_ID, Uint8Array.of(0xff, 5, 0x31, 0, 0), undefined],
];
for (const [what, id, data, kind] of answers)
  test(`an answer: ${what} is ${kind ?? "none"}`, () => assert.equal(answer(id, data, asked)?.kind, kind));

test("an answer has its parameters, a refusal its code", () => {
  const done = answer(SHORT_ID, Uint8Array.of(0xff, 5, 0x31, 7, 8, 9), asked);
  assert.deepEqual(done, { kind: "done", parameters: Uint8Array.of(7, 8, 9) });
  assert.deepEqual(answer(LONG_ID, long(0xff, 0xff, 5, 0x31, 2), asked), { kind: "refused", code: 2 });
});

test("an event is what no software has asked for", () => {
  const { index, event, parameters } = unasked(LONG_ID, long(0xff, 5, 0x10, 1, 2))!;
  assert.deepEqual([index, event, ...parameters.subarray(0, 3)], [5, 1, 1, 2, 0]);
  assert.equal(unasked(LONG_ID, long(0xff, 5, 0x11)), undefined);
  assert.equal(unasked(LONG_ID, long(0x01, 5, 0x10)), undefined);
});

const powers: [bytes: number[], isPercent: boolean | undefined, Power["percent"], Power["charging"]][] = [
  [[80, 50, 0], undefined, 80, 0],
  [[0, 0, 1], undefined, undefined, 1],
  [[0, 0, 2], undefined, undefined, 1],
  [[0, 0, 3], undefined, 100, 0],
  [[0, 0, 4], undefined, undefined, 1],
  [[0, 0, 5], undefined, undefined, 0],
  [[101, 0, 0], undefined, undefined, 0],
  [[55, 4, 0, 0], true, 55, 0],
  [[55, 4, 1, 1], true, 55, 1],
  [[99, 8, 2, 1], true, 99, 1],
  [[99, 8, 3, 1], true, 100, 0],
  [[99, 8, 4, 1], true, 99, 0],
  [[0, 8, 0, 0], false, 90, 0],
  [[0, 4, 1, 1], false, 50, 1],
  [[0, 2, 0, 0], false, 20, 0],
  [[0, 1, 0, 0], false, 5, 0],
  [[0, 0, 0, 0], false, undefined, 0],
];
for (const [parameters, isPercent, percent, charging] of powers)
  test(`battery: ${parameters} is ${percent} percent${charging === 1 ? ", charging" : ""}`, () => {
    const battery = isPercent === undefined ? batteryLevel : unifiedBattery;
    assert.deepEqual(battery.decode(Uint8Array.from(parameters), isPercent ?? true), { percent, charging });
  });

test("a battery says whether it knows the percentage", () => {
  assert.ok(saysPercent(Uint8Array.of(0x0f, 0x02)));
  assert.ok(!saysPercent(Uint8Array.of(0x0f, 0x01)));
});

const lists: [list: string, found: number[]][] = [
  ["00 0190 0320 0640 0000", [400, 800, 1600]],
  ["00 00c8 e064 0258 0000", [200, 300, 400, 500, 600]],
  ["00 00c8 e064 01c2 0640 0000", [200, 300, 400, 450, 1600]],
  ["00 0640 0190", [400, 1600]],
  ["00 e064 0190 0000 0320", [400]],
  ["00 00c8 e000 0190", [200, 400]],
  ["00 0190 e064", [400]],
  ["00 00", []],
];
for (const [list, found] of lists)
  test(`resolutions: ${list}`, () => assert.deepEqual(resolutions(packed(list)), found));

test("of two that are as near it is the lower one", () => {
  assert.deepEqual([nearest(600, [400, 800]), nearest(601, [400, 800]), nearest(5, [])], [400, 800, 5]);
});

test("any list of resolutions gives some, smallest first, and what is wished for the nearest of them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 16 }), fc.nat(0xffff), (list, dpi) => {
      const found = resolutions(list);
      assert.deepEqual(
        found,
        [...new Set(found)].sort((a, b) => a - b),
      );
      const distance = Math.abs(nearest(dpi, found) - dpi);
      assert.ok(found.every((each) => Math.abs(each - dpi) >= distance && each > 0));
      assert.ok(found.length === 0 ? distance === 0 : found.includes(nearest(dpi, found)));
    }),
  );
});

const controls: [info: string, id: number | undefined][] = [
  ["00c3 00a9 31", 0xc3],
  ["00d0 00ad 21", 0xd0],
  ["0050 0038 31", undefined], // left
  ["005d 0041 31", undefined], // the wheel tilted to the right
  ["00c8 00a4 11", undefined], // is not diverted
  ["00c4 009d 31", undefined], // wheel mode: its own
  ["00ed 00c4 31", undefined], // resolution: its own
  ["00fd 00d2 31", undefined],
  ["00c7 00b4 34", undefined], // of a keyboard
  ["00d7 00b4 a1", undefined], // virtual
];
for (const [info, id] of controls)
  test(`control ${info} is ${id === undefined ? "told by others" : "told by HID++"}`, () =>
    assert.equal(specialButton(packed(info)), id));

test("buttons are macro keys in the device's order, thirty at most", () => {
  const codes = codesOfButtons([0xd0, 0xc3]);
  assert.deepEqual([...codes], [0xd0, 0x290, 0xc3, 0x291].reduce<number[][]>(inPairs, []));
  assert.deepEqual(pressedButtons(packed("00c3 00d0 0001 0000 00d0"), codes), [0x291, 0x290]);
  assert.deepEqual(pressedButtons(packed("00c3"), codes), [0x291]);
  const many = codesOfButtons(Array.from({ length: 40 }, (_, at) => 0x100 + at));
  assert.deepEqual([many.size, Math.max(...many.values())], [30, 0x2ad]); // KEY_MACRO30
});
const inPairs = (pairs: number[][], each: number, at: number): number[][] =>
  at % 2 === 0 ? [...pairs, [each]] : [...pairs.slice(0, -1), [...pairs.at(-1)!, each]];

test("a button is diverted and given back", () => {
  assert.deepEqual(diversion(0x01c3, true), [0x01, 0xc3, 0x03]);
  assert.deepEqual(diversion(0x01c3, false), [0x01, 0xc3, 0x02]);
});

const interfaces: [what: string, descriptor: Uint8Array, why: RegExp | undefined][] = [
  ["keys and HID++", second, undefined],
  ["HID++ alone", onlyLong, undefined],
  ["short reports only", onlyShort, /no long reports/],
  ["a mouse", mouse, /no long reports/],
  ["a keyboard", bootKeyboard, /no long reports/],
  ["a mouse and HID++", withMouse, /a mouse/],
  ["LEDs and HID++", withLights, /LEDs/],
  [
    "long reports that come and cannot go",
    bytes("06 00 ff 09 02 a1 01 85 11 15 00 26 ff 00 75 08 95 13 09 02 81 00 c0"),
    /no long/,
  ],
];
for (const [what, descriptor, why] of interfaces)
  test(`an interface with ${what}: ${why === undefined ? "this driver's" : "another's"}`, () => {
    const found = whyNot(parseReportDescriptor(descriptor));
    if (why === undefined) assert.equal(found, undefined);
    else assert.match(found!, why);
  });

test("keys of ordinary reports, of each report its last; too many at once, and those before stay", () => {
  const keys = new Keys(parseReportDescriptor(second).layout);
  assert.ok(keys.codes.includes(30) && keys.codes.includes(115));
  keys.take(1, bytes("04 05 00 00"));
  keys.take(3, bytes("e9 00"));
  assert.deepEqual(keys.down, [30, 48, 115]);
  keys.take(1, bytes("01 01 01 01"));
  keys.take(0x11, long(0xff, 1, 0));
  assert.deepEqual(keys.down, [30, 48, 115]);
  keys.take(3, bytes("00"));
  assert.deepEqual(keys.down, [30, 48]);
  keys.forget();
  assert.deepEqual(keys.down, []);
});

test("variables are keys too, but neither what is relative nor a null state", () => {
  const system = bytes("05 01 09 80 a1 01 15 00 25 01 75 01 09 81 95 01 81 02 95 07 81 01");
  const nullable = bytes("05 0c 09 01 a1 01 15 01 25 03 75 08 95 01 09 e2 81 42 09 e9 15 00 25 01 81 06 c0");
  const keys = new Keys(parseReportDescriptor(Uint8Array.of(...system, 0xc0, ...nullable)).layout);
  assert.deepEqual(keys.codes, [116, 113]);
  keys.take(0, Uint8Array.of(1, 2, 1));
  assert.deepEqual(keys.down, [116, 113]);
  keys.take(0, Uint8Array.of(0, 0, 1));
  assert.deepEqual(keys.down, []);
});

test("what was down before a rest is not down after it, also where too many are to tell which", () => {
  const keys = new Keys(parseReportDescriptor(second).layout);
  keys.take(1, Uint8Array.of(4, 0, 0, 0));
  assert.deepEqual(keys.down, [30]);
  keys.forget();
  keys.take(1, Uint8Array.of(1, 1, 1, 1));
  assert.deepEqual(keys.down, []);
});

test("properties have a bit for each code, and what it can do", () => {
  const identity = { bustype: 5, vendorId: 0x046d, productId: 0xc08b, version: 0x0111 };
  const properties = propertiesOf(
    { codes: [30, 0x290], types: true, hasPower: true, hasResolution: true, dpi: 1600 },
    identity,
  );
  assert.deepEqual(
    [properties.features, properties.dpi, properties.busType],
    [1 | (1 << 7) | (1 << 8) | (1 << 9), 1600, 5],
  );
  assert.deepEqual([properties.keys[0], properties.keys[20]], [1 << 30, 1 << 16]);
  assert.equal(
    propertiesOf({ codes: [], types: false, hasPower: false, hasResolution: false, dpi: 0 }, identity)
      .features,
    0,
  );
  assert.deepEqual(pressedKeys([30, 31]).pressed, [30, 31, ...Array<number>(13).fill(0)]);
});
