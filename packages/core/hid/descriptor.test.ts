import assert from "node:assert/strict";
import { test } from "node:test";
import { collectionTypes, type HidCollectionInfo } from "./collections.ts";
import { parseReportDescriptor } from "./descriptor.ts";
import { bytes, realDescriptors, touchscreen, wacomTablet, xboxController } from "./descriptors.fixture.ts";
import type { HidLayout, ReportField, ReportKind } from "./layout.ts";
import { digitizer, genericDesktop } from "./usages.ts";

/** Each field as [first bit, count × size, logical range, flags, usages]. */
function fieldText({ bitOffset, item, usages }: ReportField): string {
  const flags = [
    item.isArray && "array",
    item.isConstant && "constant",
    !item.isAbsolute && "relative",
    item.hasNull && "null",
    item.wrap && "wrap",
  ].filter(Boolean);
  const names = usages.map(({ minimum, maximum }) =>
    minimum === maximum ? minimum.toString(16) : `${minimum.toString(16)}..${maximum.toString(16)}`,
  );
  const range = `${item.logicalMinimum}..${item.logicalMaximum}`;
  return [bitOffset, `${item.reportCount}×${item.reportSize}`, range, ...flags, ...names].join(" ");
}

function fields(layout: HidLayout, kind: ReportKind, reportId: number): string[] {
  return layout[kind].reports.get(reportId)!.fields.map(fieldText);
}

/** Of one Input item in an application collection. */
const inputOf = (...items: string[]): ReportField[] => [
  ...(parseReportDescriptor(bytes("a1 01", ...items, "c0")).layout.input.reports.get(0)?.fields ?? []),
];

test("HID 1.11's mouse: three buttons, and X and Y relative", () => {
  const { collections, layout } = parseReportDescriptor(realDescriptors.mouse);
  assert.deepEqual(fields(layout, "input", 0), [
    "0 3×1 0..1 90001..90003",
    "8 2×8 -127..127 relative 10030 10031",
  ]);
  assert.deepEqual([layout.input.numbered, layout.input.longestBytes], [false, 3]);
  assert.deepEqual([layout.output.longestBytes, layout.feature.reports.size], [0, 0]);
  const [application] = collections;
  assert.deepEqual([application!.usagePage, application!.usage, application!.type], [1, 2, 1]);
  const [pointer] = application!.children;
  assert.deepEqual([pointer!.usage, pointer!.type], [1, collectionTypes.physical]);
  assert.deepEqual(pointer!.inputReports, application!.inputReports);
  assert.deepEqual(layout.input.reports.get(0)!.fields[0]!.path, [application, pointer]);
});

test("the mouse's items in WebHID's shape, padding included", () => {
  const { collections } = parseReportDescriptor(realDescriptors.mouse);
  const [{ reportId, items }] = collections[0]!.inputReports as [HidCollectionInfo["inputReports"][number]];
  assert.equal(reportId, 0);
  const [buttons, padding, axes] = items;
  assert.deepEqual(axes, {
    isAbsolute: false,
    isArray: false,
    isBufferedBytes: false,
    isConstant: false,
    isLinear: true,
    isRange: false,
    isVolatile: false,
    hasNull: false,
    hasPreferredState: true,
    wrap: false,
    usages: [genericDesktop.x, genericDesktop.y],
    usageMinimum: undefined,
    usageMaximum: undefined,
    reportSize: 8,
    reportCount: 2,
    unitExponent: 0,
    unitSystem: "none",
    unitFactorLengthExponent: 0,
    unitFactorMassExponent: 0,
    unitFactorTimeExponent: 0,
    unitFactorTemperatureExponent: 0,
    unitFactorCurrentExponent: 0,
    unitFactorLuminousIntensityExponent: 0,
    logicalMinimum: -127,
    logicalMaximum: 127,
    physicalMinimum: 0,
    physicalMaximum: 0,
    stringIndexes: [],
    designatorIndexes: [],
  });
  assert.deepEqual(
    [buttons!.isRange, buttons!.usageMinimum, buttons!.usageMaximum, buttons!.usages],
    [true, 0x0009_0001, 0x0009_0003, []],
  );
  assert.deepEqual([padding!.isConstant, padding!.reportSize, padding!.usages], [true, 5, []]);
});

test("HID 1.11's keyboard: modifiers, an array of six, five LEDs", () => {
  const { layout } = parseReportDescriptor(realDescriptors.bootKeyboard);
  assert.deepEqual(fields(layout, "input", 0), [
    "0 8×1 0..1 700e0..700e7",
    "16 6×8 0..101 array 70000..70065",
  ]);
  assert.deepEqual(fields(layout, "output", 0), ["0 5×1 0..1 80001..80005"]);
  assert.deepEqual([layout.input.longestBytes, layout.output.longestBytes], [8, 1]);
});

test("QMK's shared report: three applications, each with a report of its own", () => {
  const { collections, layout } = parseReportDescriptor(realDescriptors.nkroKeyboard);
  assert.deepEqual(
    collections.map(({ usagePage, usage }) => [usagePage, usage]),
    [
      [0x01, 0x80],
      [0x0c, 0x01],
      [0x01, 0x06],
    ],
  );
  assert.deepEqual(fields(layout, "input", 3), ["0 1×16 1..183 array 10001..100b7"]);
  assert.deepEqual(fields(layout, "input", 4), ["0 1×16 1..672 array c0001..c02a0"]);
  assert.deepEqual(fields(layout, "input", 6), ["0 8×1 0..1 700e0..700e7", "8 240×1 0..1 70000..700ef"]);
  assert.deepEqual([layout.input.numbered, layout.input.longestBytes], [true, 32]);
});

test("DualShock 4 and DualSense: sticks, a hat with a null state, buttons that end within a byte", () => {
  assert.deepEqual(fields(parseReportDescriptor(realDescriptors.dualShock4).layout, "input", 1), [
    "0 4×8 0..255 10030 10031 10032 10035",
    "32 1×4 0..7 null 10039",
    "36 14×1 0..1 90001..9000e",
    "50 1×6 0..127 ff000020",
    "56 2×8 0..255 10033 10034",
    "72 54×8 0..255 ff000021",
  ]);
  const { layout } = parseReportDescriptor(realDescriptors.dualSense);
  assert.deepEqual(fields(layout, "input", 1).slice(0, 5), [
    "0 6×8 0..255 10030 10031 10032 10035 10033 10034",
    "48 1×8 0..255 ff000020",
    "56 1×4 0..7 null 10039",
    "60 15×1 0..1 90001..9000f",
    "75 13×1 0..1 ff000021",
  ]);
  assert.equal(layout.input.longestBytes, 64);
  assert.deepEqual([layout.output.reports.get(2)!.bytes, layout.feature.reports.get(5)!.bytes], [47, 40]);
});

test("Xbox controller: 65535 as four bytes, padding of six bits; the zero behind its end is an unknown main item", () => {
  const { collections, layout } = parseReportDescriptor(xboxController);
  assert.deepEqual(fields(layout, "input", 1), [
    "0 2×16 0..65535 10030 10031",
    "32 2×16 0..65535 10033 10034",
    "64 1×10 0..1023 10032",
    "80 1×10 0..1023 10035",
    "96 1×4 1..8 null 10039",
    "104 10×1 0..1 90001..9000a",
  ]);
  assert.equal(layout.input.reports.get(1)!.bytes, 15);
  const motors = collections[0]!.outputReports[0]!.items.find(
    ({ unitSystem }) => unitSystem === "si-linear",
  )!;
  assert.deepEqual([motors.unitFactorTimeExponent, motors.unitExponent], [1, -2]); // hundredths of a second
  assert.deepEqual(parseReportDescriptor(xboxController.subarray(0, -1)).layout, layout);
});

test("Wacom tablet: 24 bits of X, tilt with a sign, twist that wraps, physical extents in millimetres", () => {
  const { layout } = parseReportDescriptor(wacomTablet);
  const pen = layout.input.reports.get(16)!;
  assert.deepEqual(pen.fields.map(fieldText), [
    "0 7×1 0..1 ff0d0042 ff0d0044 ff0d005a ff0d0045 ff0d003c ff0d0032 ff0d0036",
    "8 1×24 0..44800 ff0d0130",
    "32 1×24 0..29600 ff0d0131",
    "56 1×16 0..8191 ff0d0030",
    "72 2×8 -64..63 ff0d003d ff0d003e",
    "88 1×16 -900..899 wrap ff0d0041",
    "104 1×16 0..2047 ff0d0d03",
    "120 1×8 0..63 ff0d0132",
    "128 2×32 -2147483648..2147483647 ff0d005b ff0d005c",
    "192 1×16 0..4095 ff0d0077",
  ]);
  const x = pen.fields[1]!.item;
  assert.deepEqual(
    [x.physicalMaximum, x.unitSystem, x.unitFactorLengthExponent, x.unitExponent],
    [22400, "si-linear", 1, -3],
  );
  const twist = pen.fields[5]!.item;
  assert.deepEqual([twist.physicalMinimum, twist.physicalMaximum], [-180, 179]);
});

test("eGalax touchscreen: Push and Pop keep the globals, five applications", () => {
  const { collections, layout } = parseReportDescriptor(touchscreen);
  assert.deepEqual(
    collections.map(({ usagePage, usage }) => (usagePage << 16) | usage),
    [
      digitizer.touchScreen,
      genericDesktop.pointer,
      0xff00_0001 | 0,
      digitizer.touchScreen,
      digitizer.deviceConfiguration,
    ],
  );
  assert.deepEqual(fields(layout, "input", 2), [
    "0 2×1 0..1 d0042 d0032",
    "8 1×16 0..4095 10030",
    "24 1×16 0..4095 10031",
  ]);
  const configuration = layout.feature.reports.get(5)!.fields[0]!.item;
  assert.equal(configuration.unitSystem, "none"); // set within Push and Pop only
});

test("the page of a usage is the last one before the main item, unless the usage has its own", () => {
  const usages = (...items: string[]) => inputOf("75 08 95 02 25 7f", ...items, "81 02").map(fieldText);
  assert.deepEqual(usages("05 01 09 30 09 31 05 09"), ["0 2×8 0..127 90030 90031"]);
  assert.deepEqual(usages("05 01 09 30 05 09 09 31"), ["0 2×8 0..127 10030 90031"]);
  assert.deepEqual(usages("05 01 0b 35 00 02 00 05 09 09 01"), ["0 2×8 0..127 20035 90001"]);
  assert.deepEqual(usages("05 01 1b 01 00 09 00 2b 02 00 09 00"), ["0 2×8 0..127 90001..90002"]);
  assert.deepEqual(usages("05 01 19 01 2b 02 00 09 00"), ["0 2×8 0..127 90001..90002"]);
});

test("usage maximum before minimum is the same range; alone it begins at 0; a minimum alone is nothing", () => {
  const usages = (...items: string[]) => inputOf("05 09 75 08 95 02 25 7f", ...items, "81 02").map(fieldText);
  assert.deepEqual(usages("29 05 19 02"), ["0 2×8 0..127 90002..90005"]);
  assert.deepEqual(usages("29 05"), ["0 2×8 0..127 90000..90005"]);
  assert.deepEqual(usages("19 05"), []);
  assert.deepEqual(usages("19 05 29 02"), ["0 2×8 0..127 90005..93004"]); // as in Linux: HID_MAX_USAGES from there on
});

test("of a delimited set the first usage counts, whatever else is in it", () => {
  const usages = (...items: string[]) => inputOf("05 09 75 08 95 02 25 7f", ...items, "81 02").map(fieldText);
  assert.deepEqual(usages("a9 01 09 20 0b 39 00 01 00 a9 00 a9 01 09 21 09 22 a9 00"), [
    "0 2×8 0..127 90020 90021",
  ]);
  assert.deepEqual(usages("a9 01 19 01 29 02 19 05 29 06 a9 00 09 30"), ["0 2×8 0..127 90001..90002 90030"]);
  const flightStick = bytes("05 02 a9 01 09 20 0b 01 00 01 00 a9 00 a1 00 c0"); // HID Usage Tables 1.12 appendix B
  const [{ usagePage, usage }] = parseReportDescriptor(flightStick).collections as [HidCollectionInfo];
  assert.deepEqual([usagePage, usage], [2, 0x20]);
});

test("the maximum has a sign when the minimum is negative, and where it cannot have one it has none", () => {
  const range = (minimum: string, maximum: string) => {
    const { logicalMinimum, logicalMaximum } = inputOf("09 01 75 08 95 01", minimum, maximum, "81 02")[0]!
      .item;
    return [logicalMinimum, logicalMaximum];
  };
  assert.deepEqual(range("15 00", "25 ff"), [0, 255]);
  assert.deepEqual(range("15 81", "25 ff"), [-127, -1]);
  assert.deepEqual(range("15 81", "26 ff 00"), [-127, 255]);
  assert.deepEqual(range("15 81", "25 80"), [-127, 128]);
  assert.deepEqual(range("14", "27 ff ff ff ff"), [0, 4_294_967_295]);
  assert.deepEqual(range("17 00 00 00 80", "27 ff ff ff 7f"), [-2_147_483_648, 2_147_483_647]);
  assert.deepEqual(range("25 7f", "15 81"), [-127, 127]); // the other way round
});

test("a unit exponent is a nibble or a whole number", () => {
  const exponent = (item: string) => inputOf("09 01 75 08 95 01 25 01", item, "81 02")[0]!.item.unitExponent;
  assert.deepEqual([exponent("55 0e"), exponent("55 fe"), exponent("55 07"), exponent("54")], [-2, -2, 7, 0]);
});

test("all flags of a main item, two bytes of them", () => {
  const { item } = inputOf("09 01 75 08 95 01 25 01 82 fe 01")[0]!;
  const { isAbsolute, isArray, isConstant, wrap, isLinear, hasPreferredState, hasNull, isVolatile } = item;
  assert.deepEqual([isAbsolute, isArray, isConstant, wrap, isLinear], [false, false, false, true, false]);
  assert.deepEqual([hasPreferredState, hasNull, isVolatile, item.isBufferedBytes], [false, true, true, true]);
});

test("strings and designators come as numbers, singly and in ranges", () => {
  const { item } = inputOf("09 01 75 08 95 01 25 01 79 04 89 05 99 07 39 02 49 03 59 04 81 02")[0]!;
  assert.deepEqual(item.stringIndexes, [
    { minimum: 4, maximum: 4 },
    { minimum: 5, maximum: 7 },
  ]);
  assert.deepEqual(item.designatorIndexes, [
    { minimum: 2, maximum: 2 },
    { minimum: 3, maximum: 4 },
  ]);
});

test("local items end with the next main item, a collection too", () => {
  const [first, second] = inputOf("05 01 75 08 95 01 25 01 09 30 81 02 81 02 09 31 81 02");
  assert.deepEqual([first!.bitOffset, second!.bitOffset], [0, 16]); // the one between them is padding
  assert.equal(inputOf("05 01 75 08 95 01 25 01 09 30 a1 02 81 02 c0").length, 0);
});

test("usages beyond the controls are left out of the list, and a mixed list is whole", () => {
  const { item, usages } = inputOf("05 09 25 01 75 01 95 04 09 10 19 01 29 08 09 20 81 02")[0]!;
  assert.deepEqual(item.usages, [0x0009_0010, 0x0009_0001, 0x0009_0002, 0x0009_0003]);
  assert.equal(usages.length, 3);
});

test("long, reserved and unknown local items are skipped, and so is a field of no bits", () => {
  const [field] = inputOf(
    "fe 03 aa 01 02 03 0d 07 b9 01 05 01 09 30 25 01 75 08 95 01 81 02 75 00 09 31 81 02",
  );
  assert.equal(fieldText(field!), "0 1×8 0..1 10030");
  assert.equal(inputOf("09 30 25 01 75 00 95 05 81 02").length, 0);
});

test("items outside of every collection are in the layout", () => {
  const { collections, layout } = parseReportDescriptor(bytes("05 01 09 30 25 01 75 08 95 01 81 02"));
  assert.deepEqual(collections, []);
  assert.deepEqual(layout.input.reports.get(0)!.fields[0]!.path, []);
});

test("a report that goes on behind others goes on where it was", () => {
  const { layout } = parseReportDescriptor(
    bytes("a1 01 25 01 75 04 95 01 85 01 09 01 81 02 85 02 09 02 81 02 85 01 09 03 81 02 09 04 b1 02 c0"),
  );
  assert.deepEqual(fields(layout, "input", 1), ["0 1×4 0..1 1", "4 1×4 0..1 3"]);
  assert.deepEqual(fields(layout, "input", 2), ["0 1×4 0..1 2"]);
  assert.deepEqual([layout.feature.reports.get(1)!.bytes, layout.feature.longestBytes], [1, 2]);
});
