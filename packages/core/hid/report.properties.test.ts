import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseReportDescriptor } from "./descriptor.ts";
import { HidReport } from "./report.ts";

interface Field {
  readonly isArray: boolean;
  readonly size: number;
  readonly count: number;
  /** Of the logical range. */
  readonly minimum: number;
  readonly span: number;
  readonly hasNull: boolean;
  readonly padding: number;
}

const field: fc.Arbitrary<Field> = fc.record({
  isArray: fc.boolean(),
  size: fc.integer({ min: 1, max: 40 }),
  count: fc.integer({ min: 1, max: 9 }),
  minimum: fc.integer({ min: -200, max: 200 }),
  span: fc.integer({ min: 1, max: 60_000 }),
  hasNull: fc.boolean(),
  padding: fc.integer({ min: 0, max: 11 }),
});
const someFields = fc.array(field, { minLength: 1, maxLength: 6 });

const four = (prefix: number, value: number): number[] => [
  prefix,
  ...new Uint8Array(Int32Array.of(value).buffer),
];

/** An input report of these fields, each with usages of its own. */
function reportOf(some: readonly Field[]): HidReport {
  const items = some.flatMap(({ isArray, size, count, minimum, span, hasNull, padding }, index) => [
    ...four(0x17, minimum),
    ...four(0x27, minimum + span),
    ...four(0x1b, ((0xff00 + index) << 16) | 1),
    ...four(0x2b, ((0xff00 + index) << 16) | 0xffff),
    ...[0x75, size, 0x95, count, 0x81, (isArray ? 0 : 2) | (hasNull ? 0x40 : 0)],
    ...[0x75, padding, 0x95, 1, 0x81, 1],
  ]);
  return new HidReport(parseReportDescriptor(Uint8Array.from(items)).layout.input.reports.get(0)!);
}

/** The same bits, looked at one by one. */
function number(bytes: Uint8Array, offset: number, size: number, isSigned: boolean): number {
  const bits = Array.from({ length: Math.min(size, 32) }, (_, index) => {
    const at = offset + index;
    return ((bytes[Math.floor(at / 8)] ?? 0) >> (at % 8)) & 1;
  });
  const value = bits.reduce((sum, bit, index) => sum + bit * 2 ** index, 0);
  return isSigned && bits.at(-1) === 1 ? value - 2 ** bits.length : value;
}

test("every value is what its bits are, one by one", () => {
  fc.assert(
    fc.property(someFields, fc.uint8Array({ maxLength: 120 }), (some, bytes) => {
      const report = reportOf(some);
      report.decode(bytes);
      const [values, arrays]: [number[], number[][]] = [[], []];
      let offset = 0;
      for (const [index, { isArray, size, count, minimum, span, hasNull, padding }] of some.entries()) {
        const numbers = Array.from({ length: count }, (_, place) =>
          number(bytes.subarray(0, report.layout.bytes), offset + place * size, size, minimum < 0),
        );
        const isIn = (value: number) => value >= minimum && value <= minimum + span;
        const page = ((0xff00 + index) << 16) >>> 0;
        if (isArray)
          arrays.push(numbers.filter((value) => isIn(value)).map((value) => page + 1 + value - minimum));
        else values.push(...numbers.map((value) => (hasNull && !isIn(value) ? Number.NaN : value)));
        offset += size * count + padding;
      }
      assert.deepEqual([...report.values], values);
      assert.deepEqual(
        report.arrays.map(({ usages, pressedCount }) => [...usages.subarray(0, pressedCount)]),
        arrays,
      );
    }),
    { numRuns: 500 },
  );
});

test("what was put into a report comes out of it", () => {
  let nulls = 0;
  fc.assert(
    fc.property(
      someFields,
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })),
      (some, chance) => {
        const [from, into] = [reportOf(some), reportOf(some)];
        const below = (end: number): number => Math.floor(chance.next().value! * end);
        for (const index of from.values.keys()) {
          const { logicalMinimum, logicalMaximum, reportSize, hasNull } = from.fieldAt(index).item;
          const bits = Math.min(reportSize, 32);
          const [lowest, highest] =
            logicalMinimum < 0 ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
          const [low, high] = [Math.max(lowest, logicalMinimum), Math.min(highest, logicalMaximum)];
          const mayBeNull = hasNull && (lowest < logicalMinimum || highest > logicalMaximum);
          const isNull = mayBeNull && (below(4) === 0 || low > high);
          if (isNull) nulls++;
          from.values[index] = isNull ? Number.NaN : low > high ? lowest : low + below(high - low + 1);
        }
        for (const array of from.arrays) {
          const { minimum, lowest, highest, maximum } = array;
          const [low, high] = [Math.max(lowest, minimum), Math.min(highest, maximum)];
          const usages = array.field.usages[0]!.minimum;
          for (let left = low > high ? 0 : array.count; left > 0; left--)
            assert.ok(array.press(usages + low + below(high - low + 1) - minimum));
          // Places that nothing is in need a number for it: one that is not in the range, or else all must be full.
          const hasNone = lowest < minimum || highest > maximum;
          fc.pre(hasNone || array.pressedCount === array.count);
        }
        into.decode(from.encode());
        assert.deepEqual(into.values, from.values);
        for (const [index, { usages, pressedCount }] of from.arrays.entries()) {
          const other = into.arrays[index]!;
          assert.deepEqual(other.usages.subarray(0, other.pressedCount), usages.subarray(0, pressedCount));
        }
        assert.deepEqual(into.encode(), from.encode());
      },
    ),
    { numRuns: 500 },
  );
  assert.ok(nulls > 50, `${nulls} null states`);
});
