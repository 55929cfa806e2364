// Runs in: everywhere. Owns: what a C structure is made of, and its layout. Pure.
import { type Codec, compile } from "./codec.ts";
import { DeviceError } from "./errors.ts";

/** How bytes are to be read; what codec, signature and C header are made from. */
export type Shape =
  | {
      readonly kind: "integer";
      readonly bits: 8 | 16 | 32 | 64;
      readonly signed: boolean;
      readonly little: boolean;
    }
  | { readonly kind: "float"; readonly bits: 32 | 64; readonly little: boolean }
  | { readonly kind: "bytes"; readonly count: number }
  | { readonly kind: "array"; readonly element: Field<unknown>; readonly count: number }
  | { readonly kind: "struct"; readonly members: readonly Member[]; readonly packed: boolean };

/** One value at one place in memory: a scalar, an array, a run of bytes, or a structure. */
export interface Field<T> {
  readonly size: number;
  readonly align: number;
  readonly shape: Shape;
  /** A zero value. */
  create(): T;
}

export interface Member {
  readonly name: string;
  readonly field: Field<unknown>;
  readonly offset: number;
}

export interface Struct<T> extends Field<T> {
  readonly shape: Extract<Shape, { kind: "struct" }>;
  readonly offsets: Readonly<Record<keyof T, number>>;
  readonly fields: { readonly [K in keyof T]: Field<T[K]> };
  /** Throws DeviceError("invalid") naming the member, what was expected and what was found; the bytes are then undefined. */
  encode(value: T, view: DataView, offset: number): void;
  /**
   * Reads into `into`, made by `create` or an earlier `decode`, and then allocates nothing.
   * A 64-bit integer beyond 2^53-1 throws DeviceError("out-of-range").
   */
  decode(view: DataView, offset: number, into?: T): T;
  /** Canonical text of names and layout: equal texts mean equal bytes. */
  signature(): string;
}

export type Infer<S> = S extends Field<infer T> ? T : never;

const scalar = (size: number, shape: Shape): Field<number> =>
  Object.freeze({ size, align: size, shape, create: () => 0 });
const integer = (bits: 8 | 16 | 32 | 64, signed: boolean, little = true): Field<number> =>
  scalar(bits / 8, { kind: "integer", bits, signed, little });
const float = (bits: 32 | 64, little = true): Field<number> =>
  scalar(bits / 8, { kind: "float", bits, little });

export const u8 = integer(8, false);
export const u16 = integer(16, false);
export const u32 = integer(32, false);
/** A number from 0 to 2^53-1. */
export const u64 = integer(64, false);
export const i8 = integer(8, true);
export const i16 = integer(16, true);
export const i32 = integer(32, true);
/** A number from -(2^53-1) to 2^53-1. */
export const i64 = integer(64, true);
export const f32 = float(32);
export const f64 = float(64);
/** The same, most significant byte first. */
export const be = {
  u16: integer(16, false, false),
  u32: integer(32, false, false),
  u64: integer(64, false, false),
  i16: integer(16, true, false),
  i32: integer(32, true, false),
  i64: integer(64, true, false),
  f32: float(32, false),
  f64: float(64, false),
} as const;

function checkCount(count: number): void {
  if (!Number.isInteger(count) || count < 1)
    throw new DeviceError("invalid", `an array of ${count} elements`);
}

export function array<T>(element: Field<T>, count: number): Field<T[]> {
  checkCount(count);
  return Object.freeze({
    size: element.size * count,
    align: element.align,
    shape: { kind: "array", element, count } as const,
    create: () => Array.from({ length: count }, () => element.create()),
  });
}

export function bytes(count: number): Field<Uint8Array> {
  checkCount(count);
  return Object.freeze({
    size: count,
    align: 1,
    shape: { kind: "bytes", count } as const,
    create: () => new Uint8Array(count),
  });
}

/** `offset`, or the next multiple of `alignment`. */
export const alignUp = (offset: number, alignment: number): number =>
  Math.ceil(offset / alignment) * alignment;

/** A structure laid out as a C compiler for 64-bit Linux does it, or without padding when `packed`. */
export function struct<F extends Readonly<Record<string, Field<unknown>>>>(
  fields: F,
  options: { packed?: boolean } = {},
): Struct<{ [K in keyof F]: Infer<F[K]> }> {
  const packed = options.packed ?? false;
  let end = 0;
  let align = 1;
  const members = Object.entries(fields).map(([name, field]) => {
    // The codec and the C header build source text from names; only such names are safe and stay distinct in both.
    if (!/^[a-z][A-Za-z0-9]*$/.test(name))
      throw new DeviceError("invalid", `member name "${name}" (expected camelCase)`);
    const offset = packed ? end : alignUp(end, field.align);
    end = offset + field.size;
    if (!packed) align = Math.max(align, field.align);
    return { name, field, offset };
  });
  if (members.length === 0) throw new DeviceError("invalid", "a structure without members");
  const shape = { kind: "struct", members, packed } as const;
  const size = alignUp(end, align);
  type Value = { [K in keyof F]: Infer<F[K]> };
  // A process uses few of the structures that it has read about.
  let compiled: Codec<Value> | undefined;
  const codec = (): Codec<Value> => {
    compiled ??= compile<Value>(shape, size);
    return compiled;
  };
  return Object.freeze({
    size,
    align,
    shape,
    offsets: Object.fromEntries(members.map(({ name, offset }) => [name, offset])) as Record<keyof F, number>,
    fields: fields as { [K in keyof F]: Field<Infer<F[K]>> },
    signature: () => signature(shape),
    create: () => codec().create(),
    encode: (value: Value, view: DataView, offset: number) => codec().encode(value, view, offset),
    decode: (view: DataView, offset: number, into?: Value) => codec().decode(view, offset, into),
  });
}

function signature(shape: Shape): string {
  switch (shape.kind) {
    case "integer":
      return `${shape.little ? "" : "be."}${shape.signed ? "i" : "u"}${shape.bits}`;
    case "float":
      return `${shape.little ? "" : "be."}f${shape.bits}`;
    case "bytes":
      return `bytes[${shape.count}]`;
    case "array":
      return `${signature(shape.element.shape)}[${shape.count}]`;
    case "struct":
      return `${shape.packed ? "packed" : "struct"}{${shape.members
        .map(({ name, field }) => `${name}:${signature(field.shape)}`)
        .join(",")}}`;
  }
}
