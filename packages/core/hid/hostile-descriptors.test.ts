import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DeviceError } from "../errors.ts";
import type { HidCollectionInfo } from "./collections.ts";
import { parseReportDescriptor } from "./descriptor.ts";
import { bytes, realDescriptors } from "./descriptors.fixture.ts";
import { DESCRIPTOR_BYTES_MAX, LISTED_USAGES_MAX } from "./limits.ts";
import { HidReport } from "./report.ts";

function refusal(descriptor: Uint8Array): string {
  try {
    parseReportDescriptor(descriptor);
  } catch (error) {
    assert(error instanceof DeviceError);
    assert.equal(error.kind, "protocol");
    return error.message
      .replace("HID report descriptor, offset ", "")
      .replace(": the peer broke the protocol", "");
  }
  return "taken";
}

/** `piece` as often as fits, between two others. */
function filled(before: string, piece: string, after: string): Uint8Array {
  const [head, middle, tail] = [bytes(before), bytes(piece), bytes(after)];
  const times = Math.floor((DESCRIPTOR_BYTES_MAX - head.length - tail.length) / middle.length);
  return Uint8Array.from([...head, ...Array.from({ length: times }, () => [...middle]).flat(), ...tail]);
}

const repeated = (times: number, piece: string): string =>
  Array.from({ length: times }, () => piece).join(" ");

for (const [name, descriptor] of Object.entries(realDescriptors))
  test(`${name} cut anywhere is refused, but where no collection is open`, () => {
    let refused = 0;
    for (let length = 0; length < descriptor.length; length++) {
      const cut = descriptor.slice(0, length);
      if (refusal(cut) !== "taken") refused++;
      else assert.match(refusal(Uint8Array.of(...cut, 0xc0)), new RegExp(`^${length}: End Collection`));
    }
    assert.ok(refused > 0.9 * descriptor.length, `${refused} of ${descriptor.length}`);
  });

for (const [descriptor, expected] of [
  ["05", "0: item: expected 2 bytes, found 1 until the end"],
  ["a1 01 c0 27 01 02 03", "3: item: expected 5 bytes, found 4 until the end"],
  ["fe", "0: item: expected 3 bytes, found 1 until the end"],
  ["fe ff 00 01", "0: item: expected 258 bytes, found 4 until the end"],
  ["a1 01", "2: end: expected End Collection, found 1 open"],
  ["a1 01 c0 c0", "3: End Collection: expected an open collection, found none"],
  ["b4", "0: Pop: expected a Push before it, found none"],
  ["a4 b4 b4", "2: Pop: expected a Push before it, found none"],
  [repeated(5, "a4"), "4: Push: expected at most 4 at a time, found one more"],
  ["77 00 00 00 80", "0: Report Size: expected at most 256, found 2147483648"],
  ["97 00 00 00 80", "0: Report Count: expected at most 12288, found 2147483648"],
  ["76 01 01", "0: Report Size: expected at most 256, found 257"],
  ["85 00", "0: Report ID: expected 1 to 255, found 0"],
  ["86 00 01", "0: Report ID: expected 1 to 255, found 256"],
  ["c5 01", "0: global item: expected a tag from 0 to 11, found 12"],
  ["a9 01 a9 01", "2: Delimiter: expected the open set to end, found another begins"],
  ["a9 00", "0: Delimiter: expected an open set, found none"],
  ["a9 01", "2: end: expected the delimited set to end, found it open"],
  ["15 05 25 03 75 08 95 01 81 02", "8: Logical Maximum: expected at least the minimum 5, found 3"],
  [
    `25 01 76 00 01 96 ff 01 09 01 ${repeated(2, "81 02")}`,
    "12: input report 0: expected at most 16383 bytes, found 261632 bits",
  ],
  [
    `25 01 75 01 95 01 ${repeated(257, "09 01 91 02")}`,
    "1032: output report 0: expected at most 256 fields, found one more",
  ],
] as const)
  test(`${descriptor.slice(0, 32)}: ${expected}`, () => assert.equal(refusal(bytes(descriptor)), expected));

test("no bytes, and more than Linux reads, are refused", () => {
  assert.equal(refusal(new Uint8Array(0)), "0: length: expected 1 to 4096 bytes, found 0");
  assert.equal(refusal(new Uint8Array(4097)), "0: length: expected 1 to 4096 bytes, found 4097");
  assert.equal(refusal(new Uint8Array(4096)), "taken"); // unknown main items, all of them
});

test("collections 10,000 deep are refused, for their length or for their depth", () => {
  assert.match(refusal(new Uint8Array(10_000).fill(0xa0)), /^0: length/);
  assert.equal(
    refusal(filled("05 01", "a0", "c0")),
    "52: Collection: expected at most 50 inside of each other, found one more",
  );
  const deepest = parseReportDescriptor(bytes(repeated(50, "a1 02"), repeated(50, "c0"))).collections;
  let depth = 0;
  for (let at: readonly HidCollectionInfo[] = deepest; at.length > 0; at = at[0]!.children) depth++;
  assert.equal(depth, 50);
});

test("a Push that is never popped, and one collection after another, are taken", () => {
  assert.equal(refusal(bytes("a1 01 a4 a4 a4 a4 c0")), "taken");
  assert.equal(parseReportDescriptor(filled("05 01", "a0 c0", "a0 c0")).collections.length, 2047);
});

test("a range of 2³² usages is two numbers, for variables and for arrays", () => {
  const { layout } = parseReportDescriptor(
    bytes(
      "15 00 27 ff ff ff ff 75 20 95 02 1b 00 00 00 00 2b ff ff ff ff 81 02 1b 00 00 00 00 2b ff ff ff ff 81 00",
    ),
  );
  const report = new HidReport(layout.input.reports.get(0)!);
  assert.deepEqual([...report.usages], [0, 1]);
  report.decode(bytes("ff ff ff ff 00 00 00 00 01 00 ff ff 05 00 00 80"));
  assert.deepEqual([...report.values], [0xffff_ffff, 0]);
  assert.deepEqual([...report.arrays[0]!.usages], [0xffff_0001, 0x8000_0005]);
});

test("many ranges for many controls are not written out without end", () => {
  const hungry = filled("05 01 15 00 26 ff 7f 75 01 96 00 30", "09 01 19 02 2a ff 7f 80", "c1 00");
  assert.match(refusal(hungry), /^59: usages: expected at most 65536, found 73728$/);
});

test("4 GiB of fields are refused at the first report that is too long", () => {
  const report = "25 01 76 00 01 96 00 30"; // 384 KiB each
  assert.match(refusal(filled(report, "81 00", "c1 00")), /^8: input report 0: expected at most 16383 bytes/);
});

test("what the longest descriptors may ask for is bounded", () => {
  // 12,288 controls of one bit, as many reports of them as there are ids and room.
  const ids = Array.from(
    { length: 255 },
    (_, id) => `85 ${(id + 1).toString(16)} 09 01 82 02 00 09 01 82 02 00`,
  );
  const { layout } = parseReportDescriptor(bytes(`25 01 75 01 96 00 30 ${ids.join(" ")}`));
  assert.equal(layout.input.reports.size, 255);
  assert.equal(layout.input.longestBytes, 3073);
  // Every item in every collection around it.
  const nested = parseReportDescriptor(filled(repeated(50, "a0"), "80", repeated(50, "c0"))).collections;
  assert.equal(nested[0]!.inputReports[0]!.items.length, 3996);
  assert.equal(nested[0]!.inputReports[0]!.items[0], nested[0]!.children[0]!.inputReports[0]!.items[0]);
});

test("any bytes are a descriptor or a DeviceError; what they declare is within its limits, and reports of it can be read", () => {
  // Prefixes of known items more often than of unknown ones, so that some get further.
  const prefix = fc.constantFrom(
    ...bytes(
      "05 06 07 09 0a 0b 15 16 17 19 1a 1b 25 26 27 29 2a 2b 35 45 55 65 75 76 81 82 91 95 96 85 a0 a1 a4 b4 a9 b1 c0",
    ),
  );
  const some = fc.array(fc.oneof({ weight: 2, arbitrary: prefix }, { weight: 3, arbitrary: fc.nat(255) }), {
    maxLength: 80,
  });
  let taken = 0;
  fc.assert(
    fc.property(some, fc.uint8Array({ maxLength: 40 }), (descriptor, report) => {
      const open = descriptor.length === 0 ? [] : [0xa1, 1, ...descriptor, 0xc0];
      let parsed: ReturnType<typeof parseReportDescriptor>;
      try {
        parsed = parseReportDescriptor(Uint8Array.from(open));
      } catch (error) {
        assert.ok(error instanceof DeviceError && error.kind === "protocol", String(error));
        return;
      }
      taken++;
      for (const kind of ["input", "output", "feature"] as const)
        for (const layout of parsed.layout[kind].reports.values()) {
          const listed = layout.fields.reduce((sum, { item }) => sum + item.usages.length, 0);
          assert.ok(layout.bytes <= 16_383 && layout.fields.length <= 256 && listed <= LISTED_USAGES_MAX);
          new HidReport(layout).decode(report);
        }
    }),
    { numRuns: 3000 },
  );
  assert.ok(taken > 100, `${taken} taken`);
});
