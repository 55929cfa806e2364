// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DeviceError } from "./errors.ts";
import {
  array,
  be,
  bytes,
  type Field,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "./struct.ts";

const int = (min: number, max: number) =>
  fc.maxSafeInteger().map((n) => min + (Math.abs(n) % (max - min + 1)));
const safe = fc.maxSafeInteger();
const float = fc.float({ noNaN: true });
const double = fc.double({ noNaN: true });

type Sample = { field: Field<unknown>; value: fc.Arbitrary<unknown> };
const scalars: Record<string, Sample & { write(view: DataView, value: never): void }> = {
  u8: { field: u8, value: int(0, 255), write: (v, x) => v.setUint8(0, x) },
  u16: { field: u16, value: int(0, 65535), write: (v, x) => v.setUint16(0, x, true) },
  u32: { field: u32, value: int(0, 2 ** 32 - 1), write: (v, x) => v.setUint32(0, x, true) },
  u64: { field: u64, value: safe.map(Math.abs), write: (v, x) => v.setBigUint64(0, BigInt(x), true) },
  i8: { field: i8, value: int(-128, 127), write: (v, x) => v.setInt8(0, x) },
  i16: { field: i16, value: int(-32768, 32767), write: (v, x) => v.setInt16(0, x, true) },
  i32: { field: i32, value: int(-(2 ** 31), 2 ** 31 - 1), write: (v, x) => v.setInt32(0, x, true) },
  i64: { field: i64, value: safe, write: (v, x) => v.setBigInt64(0, BigInt(x), true) },
  f32: { field: f32, value: float, write: (v, x) => v.setFloat32(0, x, true) },
  f64: { field: f64, value: double, write: (v, x) => v.setFloat64(0, x, true) },
  "be.u16": { field: be.u16, value: int(0, 65535), write: (v, x) => v.setUint16(0, x) },
  "be.u32": { field: be.u32, value: int(0, 2 ** 32 - 1), write: (v, x) => v.setUint32(0, x) },
  "be.u64": { field: be.u64, value: safe.map(Math.abs), write: (v, x) => v.setBigUint64(0, BigInt(x)) },
  "be.i16": { field: be.i16, value: int(-32768, 32767), write: (v, x) => v.setInt16(0, x) },
  "be.i32": { field: be.i32, value: int(-(2 ** 31), 2 ** 31 - 1), write: (v, x) => v.setInt32(0, x) },
  "be.i64": { field: be.i64, value: safe, write: (v, x) => v.setBigInt64(0, BigInt(x)) },
  "be.f32": { field: be.f32, value: float, write: (v, x) => v.setFloat32(0, x) },
  "be.f64": { field: be.f64, value: double, write: (v, x) => v.setFloat64(0, x) },
};

for (const [name, { field, value, write }] of Object.entries(scalars)) {
  test(`${name}: the bytes are DataView's, and come back as the same number`, () => {
    const one = struct({ x: field });
    const view = new DataView(new ArrayBuffer(8));
    const reference = new DataView(new ArrayBuffer(8));
    fc.assert(
      fc.property(value, (x) => {
        one.encode({ x }, view, 0);
        write(reference, x as never);
        assert.deepEqual(view.buffer, reference.buffer);
        assert.equal(one.decode(view, 0).x, x);
      }),
    );
  });
}

const leaf: fc.Arbitrary<Sample> = fc.oneof(
  fc.constantFrom(...Object.values(scalars)),
  fc.integer({ min: 1, max: 5 }).map((n) => ({
    field: bytes(n) as Field<unknown>,
    value: fc.uint8Array({ minLength: n, maxLength: n }),
  })),
);
const { anyStruct } = fc.letrec<{ any: Sample; anyStruct: Sample }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    tie("anyStruct"),
    fc.tuple(tie("any"), fc.integer({ min: 1, max: 4 })).map(([{ field, value }, n]) => ({
      field: array(field, n) as Field<unknown>,
      value: fc.array(value, { minLength: n, maxLength: n }),
    })),
  ),
  anyStruct: fc
    .tuple(
      fc.dictionary(fc.stringMatching(/^[a-z][A-Za-z0-9]{0,6}$/), tie("any"), { minKeys: 1, maxKeys: 5 }),
      fc.boolean(),
    )
    .map(([members, packed]) => {
      const entries = Object.entries(members);
      return {
        field: struct(Object.fromEntries(entries.map(([name, { field }]) => [name, field])), {
          packed,
        }) as Field<unknown>,
        value: fc.record(Object.fromEntries(entries.map(([name, { value }]) => [name, value]))),
      };
    }),
}));

test("any structure of scalars, bytes, arrays and structures comes back as it was written, into a new object and into an old one", () => {
  const sample = anyStruct.chain(({ field, value }) =>
    fc.tuple(fc.constant(field), value, value, fc.nat({ max: 9 })),
  );
  fc.assert(
    fc.property(sample, ([field, value, other, offset]) => {
      const type = field as ReturnType<typeof struct>;
      const view = new DataView(new ArrayBuffer(offset + type.size));
      type.encode(other as never, view, offset);
      const into = type.decode(view, offset);
      type.encode(value as never, view, offset);
      const fresh = type.decode(view, offset);
      assert.equal(type.decode(view, offset, into), into);
      assert.deepEqual(into, fresh);
      const again = new DataView(new ArrayBuffer(offset + type.size));
      type.encode(fresh, again, offset);
      assert.deepEqual(again.buffer, view.buffer);
      assert.deepEqual(type.create(), type.decode(new DataView(new ArrayBuffer(type.size)), 0));
    }),
    { numRuns: 300 },
  );
});

test("C layout pads members to their alignment and the whole to the strictest; packed does neither", () => {
  const fields = { a: u8, b: u64, c: u16, d: bytes(3), e: u32 };
  const padded = struct(fields);
  assert.deepEqual(padded.offsets, { a: 0, b: 8, c: 16, d: 18, e: 24 });
  assert.deepEqual([padded.size, padded.align], [32, 8]);
  const packed = struct(fields, { packed: true });
  assert.deepEqual(packed.offsets, { a: 0, b: 1, c: 9, d: 11, e: 14 });
  assert.deepEqual([packed.size, packed.align], [18, 1]);
});

test("decoding into an object keeps its arrays, byte runs and nested objects", () => {
  const type = struct({
    list: array(u16, 2),
    id: bytes(2),
    corner: struct({ x: f64 }),
    grid: array(array(u8, 2), 2),
  });
  const view = new DataView(new ArrayBuffer(type.size));
  type.encode(
    {
      list: [1, 2],
      id: Uint8Array.of(3, 4),
      corner: { x: 0.5 },
      grid: [
        [1, 2],
        [3, 4],
      ],
    },
    view,
    0,
  );
  const into = type.create();
  const { list, id, corner, grid } = into;
  const [row] = grid;
  type.decode(view, 0, into);
  assert.deepEqual(
    [list, id, corner, grid],
    [
      [1, 2],
      Uint8Array.of(3, 4),
      { x: 0.5 },
      [
        [1, 2],
        [3, 4],
      ],
    ],
  );
  assert.deepEqual(
    [into.list === list, into.id === id, into.corner === corner, into.grid === grid, into.grid[0] === row],
    [true, true, true, true, true],
  );
});

test("decoding into an object allocates nothing, 64-bit and floating values included", () => {
  const type = struct({ lba: u64, count: u32, value: f64, words: array(u16, 4) });
  const view = new DataView(new ArrayBuffer(type.size));
  type.encode({ lba: 2 ** 45, count: 2 ** 32 - 1, value: 1.5, words: [1, 2, 3, 4] }, view, 0);
  const into = type.create();
  const perDecode = (): number => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 20_000; i++) type.decode(view, 0, into);
    return (process.memoryUsage().heapUsed - before) / 20_000;
  };
  // Code that is not optimised yet boxes doubles, and other parts of the process allocate now and then: most late rounds show nothing.
  const late = Array.from({ length: 400 }, perDecode).slice(300);
  assert.ok(late.filter((n) => Math.abs(n) < 1).length > 50, late.map((n) => n.toFixed(1)).join(" "));
});

const refusal = (run: () => void): string => {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof DeviceError);
    return `${error.kind}: ${error.message.replace(/: [^:]*$/, "")}`;
  }
  return "accepted";
};

test("a value that does not fit is refused with its member, what was expected and what was found", () => {
  const type = struct({
    small: u8,
    list: array(struct({ x: i16 }), 2),
    id: bytes(4),
    far: u64,
    part: struct({ y: f32 }),
  });
  const good = { small: 1, list: [{ x: 1 }, { x: 2 }], id: new Uint8Array(4), far: 1, part: { y: 1 } };
  const view = new DataView(new ArrayBuffer(type.size));
  const refused = (change: object): string => refusal(() => type.encode({ ...good, ...change }, view, 0));
  assert.equal(refused({}), "accepted");
  assert.equal(refused({ small: 256 }), "invalid: small: expected an integer from 0 to 255, found 256");
  assert.equal(refused({ small: 1.5 }), "invalid: small: expected an integer from 0 to 255, found 1.5");
  assert.equal(refused({ small: "1" }), "invalid: small: expected an integer from 0 to 255, found string");
  assert.equal(refused({ small: 1n }), "invalid: small: expected an integer from 0 to 255, found bigint");
  assert.equal(
    refused({ list: [{ x: 1 }, { x: -32769 }] }),
    "invalid: list[1].x: expected an integer from -32768 to 32767, found -32769",
  );
  assert.equal(refused({ list: [{ x: 1 }] }), "invalid: list: expected 2 elements, found 1 elements");
  assert.equal(refused({ list: [{ x: 1 }, null] }), "invalid: list[1]: expected an object, found null");
  assert.equal(refused({ id: new Uint8Array(3) }), "invalid: id: expected 4 bytes, found 3 bytes");
  assert.equal(refused({ id: [1, 2, 3, 4] }), "invalid: id: expected 4 bytes, found 4 elements");
  assert.equal(
    refused({ far: 2 ** 53 }),
    "invalid: far: expected an integer from 0 to 9007199254740991, found 9007199254740992",
  );
  assert.equal(refused({ part: { y: undefined } }), "invalid: part.y: expected a number, found undefined");
  assert.equal(
    refusal(() => type.encode(undefined as never, view, 0)),
    "invalid: value: expected an object, found undefined",
  );
});

test("64-bit integers beyond 2^53-1 on the wire are refused, those at the edge are not", () => {
  const type = struct({ far: array(u64, 1), near: i64, swapped: be.u64 });
  const view = new DataView(new ArrayBuffer(24));
  view.setBigUint64(0, 2n ** 53n - 1n, true);
  view.setBigInt64(8, -(2n ** 53n - 1n), true);
  assert.deepEqual(type.decode(view, 0), { far: [2 ** 53 - 1], near: -(2 ** 53 - 1), swapped: 0 });
  view.setBigUint64(0, 2n ** 53n, true);
  assert.equal(
    refusal(() => type.decode(view, 0)),
    "out-of-range: far[0]: a 64-bit integer beyond 2^53-1",
  );
  view.setBigUint64(0, 0n, true);
  view.setBigInt64(8, -(2n ** 53n), true);
  assert.equal(
    refusal(() => type.decode(view, 0)),
    "out-of-range: near: a 64-bit integer beyond 2^53-1",
  );
  view.setBigInt64(8, 0n, true);
  view.setBigUint64(16, 2n ** 64n - 1n);
  assert.equal(
    refusal(() => type.decode(view, 0)),
    "out-of-range: swapped: a 64-bit integer beyond 2^53-1",
  );
});

test("bytes that end too early are refused before anything is touched", () => {
  const type = struct({ a: u32, b: u32 });
  const view = new DataView(new ArrayBuffer(10));
  assert.equal(
    refusal(() => type.encode({ a: 1, b: 2 }, view, 4)),
    "invalid: a structure of 8 bytes at byte 4 of 10",
  );
  assert.equal(
    refusal(() => type.decode(view, 4)),
    "invalid: a structure of 8 bytes at byte 4 of 10",
  );
  assert.equal(
    refusal(() => type.decode(view, -1)),
    "invalid: a structure of 8 bytes at byte -1 of 10",
  );
  assert.deepEqual(new Uint8Array(view.buffer), new Uint8Array(10));
});

test("members whose names are not camelCase, empty structures and empty arrays are refused", () => {
  assert.match(
    refusal(() => struct({ "a b": u8 })),
    /^invalid: member name "a b"/,
  );
  assert.match(
    refusal(() => struct({ "x;}evil(": u8 })),
    /^invalid: member name/,
  );
  assert.match(
    refusal(() => struct({ ["__proto__"]: u8 })),
    /^invalid: member name/,
  );
  assert.equal(
    refusal(() => struct({})),
    "invalid: a structure without members",
  );
  assert.equal(
    refusal(() => array(u8, 0)),
    "invalid: an array of 0 elements",
  );
  assert.equal(
    refusal(() => bytes(1.5)),
    "invalid: an array of 1.5 elements",
  );
});

test("the signature tells names, order, types, endianness, counts and packing apart", () => {
  const signatures = [
    struct({ a: u16, b: u8 }),
    struct({ b: u8, a: u16 }),
    struct({ a: be.u16, b: u8 }),
    struct({ a: i16, b: u8 }),
    struct({ a: u16, c: u8 }),
    struct({ a: u16, b: u8 }, { packed: true }),
    struct({ a: array(u16, 2), b: u8 }),
    struct({ a: array(u16, 3), b: u8 }),
    struct({ a: bytes(2), b: u8 }),
    struct({ a: struct({ a: u16, b: u8 }) }),
  ].map((type) => type.signature());
  assert.equal(new Set(signatures).size, signatures.length);
  assert.equal(
    struct({ a: array(be.u32, 3), b: bytes(2), c: struct({ d: f64 }) }).signature(),
    "struct{a:be.u32[3],b:bytes[2],c:struct{d:f64}}",
  );
});
