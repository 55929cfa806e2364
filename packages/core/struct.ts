// Runs in: everywhere. Owns: the codec between plain objects and C structures. Pure; decoding into a given object allocates nothing.
import { DeviceError } from "./errors.ts";

/** One value at one place in memory: a scalar, an array, a run of bytes, or a structure. */
export interface Field<T> {
  readonly size: number;
  readonly align: number;
  /** A zero value of the right shape, to decode into. */
  create(): T;
  /** Writes the value and returns undefined, or returns what is wrong with it: ".lba[2]: expected …, found …". */
  put(value: T, view: DataView, offset: number): string | undefined;
  decode(view: DataView, offset: number, into?: T): T;
  /** Canonical text of the layout: equal texts mean equal bytes. */
  signature(): string;
  /** The C declaration of a member of this type; a structure's own tag is `tag`. */
  declare(name: string, tag: string): string;
  /** What an array is made of. */
  readonly element?: Field<unknown>;
}

export interface Member {
  readonly name: string;
  readonly field: Field<unknown>;
  readonly offset: number;
}

export interface Struct<T> extends Field<T> {
  readonly offsets: Readonly<Record<keyof T, number>>;
  readonly fields: { readonly [K in keyof T]: Field<T[K]> };
  readonly members: readonly Member[];
  readonly packed: boolean;
  /** Throws DeviceError("invalid") naming the member, what was expected and what was found. The bytes are then undefined. */
  encode(value: T, view: DataView, offset: number): void;
}

export type Infer<S> = S extends Field<infer T> ? T : never;

const TWO_32 = 0x1_0000_0000;
const found = (value: unknown): string =>
  typeof value === "number" || typeof value === "bigint"
    ? String(value)
    : value === null
      ? "null"
      : typeof value;

interface Scalar {
  name: string;
  c: string;
  size: number;
  min: number;
  max: number;
  get: (view: DataView, offset: number) => number;
  set: (view: DataView, offset: number, value: number) => void;
}

function scalar(s: Scalar, accepts: (value: number) => boolean, expected: string): Field<number> {
  return {
    size: s.size,
    align: s.size,
    create: () => 0,
    put(value, view, offset) {
      if (typeof value !== "number" || !accepts(value))
        return `: expected ${expected}, found ${found(value)}`;
      s.set(view, offset, value);
      return undefined;
    },
    decode: (view, offset) => s.get(view, offset),
    signature: () => s.name,
    declare: (name) => `${s.c} ${name}`,
  };
}

function integer(s: Scalar): Field<number> {
  const { min, max } = s;
  const accepts = (value: number) => Number.isInteger(value) && value >= min && value <= max;
  return scalar(s, accepts, `an integer from ${min} to ${max}`);
}

function float(bits: 32 | 64, little: boolean): Field<number> {
  const size = bits / 8;
  // C has no big-endian floating type: the header shows its bits.
  const c = little ? (bits === 32 ? "float" : "double") : `__be${bits}`;
  const named = { name: `${little ? "" : "be."}f${bits}`, c, size, min: 0, max: 0 };
  const access =
    bits === 32
      ? {
          get: (v: DataView, o: number) => v.getFloat32(o, little),
          set: (v: DataView, o: number, x: number) => v.setFloat32(o, x, little),
        }
      : {
          get: (v: DataView, o: number) => v.getFloat64(o, little),
          set: (v: DataView, o: number, x: number) => v.setFloat64(o, x, little),
        };
  return scalar({ ...named, ...access }, () => true, "a number");
}

function word(bits: 16 | 32, signed: boolean, little: boolean): Field<number> {
  const get =
    bits === 16
      ? signed
        ? (v: DataView, o: number) => v.getInt16(o, little)
        : (v: DataView, o: number) => v.getUint16(o, little)
      : signed
        ? (v: DataView, o: number) => v.getInt32(o, little)
        : (v: DataView, o: number) => v.getUint32(o, little);
  const set =
    bits === 16
      ? (v: DataView, o: number, x: number) => v.setUint16(o, x, little)
      : (v: DataView, o: number, x: number) => v.setUint32(o, x, little);
  const min = signed ? -(2 ** (bits - 1)) : 0;
  const max = (signed ? 2 ** (bits - 1) : 2 ** bits) - 1;
  return integer({ ...names(bits, signed, little), size: bits / 8, min, max, get, set });
}

// As two 32-bit halves: a BigInt store costs ten times as much.
function long(signed: boolean, little: boolean): Field<number> {
  const low = little ? 0 : 4;
  const high = 4 - low;
  const max = Number.MAX_SAFE_INTEGER;
  const { name, c } = names(64, signed, little);
  const get = (view: DataView, offset: number): number => {
    const top = signed ? view.getInt32(offset + high, little) : view.getUint32(offset + high, little);
    const value = top * TWO_32 + view.getUint32(offset + low, little);
    if (value > max || value < -max)
      throw new DeviceError("out-of-range", `${name} beyond 2^53-1 at byte ${offset}`);
    return value;
  };
  const set = (view: DataView, offset: number, value: number): void => {
    view.setUint32(offset + low, value % TWO_32, little);
    view.setUint32(offset + high, Math.floor(value / TWO_32), little);
  };
  return integer({ name, c, size: 8, min: signed ? -max : 0, max, get, set });
}

function names(bits: number, signed: boolean, little: boolean): { name: string; c: string } {
  const name = `${signed ? "i" : "u"}${bits}`;
  return { name: little ? name : `be.${name}`, c: little ? `__${signed ? "s" : "u"}${bits}` : `__be${bits}` };
}

export const u8 = integer({
  ...{ name: "u8", c: "__u8", size: 1, min: 0, max: 255 },
  get: (v, o) => v.getUint8(o),
  set: (v, o, x) => v.setUint8(o, x),
});
export const i8 = integer({
  ...{ name: "i8", c: "__s8", size: 1, min: -128, max: 127 },
  get: (v, o) => v.getInt8(o),
  set: (v, o, x) => v.setInt8(o, x),
});
export const u16 = word(16, false, true);
export const u32 = word(32, false, true);
/** 0 to 2^53-1: a greater value on the wire is refused as "out-of-range". */
export const u64 = long(false, true);
export const i16 = word(16, true, true);
export const i32 = word(32, true, true);
export const i64 = long(true, true);
export const f32 = float(32, true);
export const f64 = float(64, true);
/** The same, most significant byte first. */
export const be = {
  u16: word(16, false, false),
  u32: word(32, false, false),
  u64: long(false, false),
  i16: word(16, true, false),
  i32: word(32, true, false),
  i64: long(true, false),
  f32: float(32, false),
  f64: float(64, false),
} as const;

function count(n: number): void {
  if (!Number.isInteger(n) || n < 1) throw new DeviceError("invalid", `array of ${n} elements`);
}

export function array<T>(field: Field<T>, n: number): Field<T[]> {
  count(n);
  const { size } = field;
  return {
    element: field,
    size: size * n,
    align: field.align,
    create: () => Array.from({ length: n }, () => field.create()),
    put(value, view, offset) {
      if (!Array.isArray(value)) return `: expected an array of ${n}, found ${found(value)}`;
      if (value.length !== n) return `: expected ${n} elements, found ${value.length}`;
      for (let i = 0; i < n; i++) {
        const wrong = field.put(value[i] as T, view, offset + i * size);
        if (wrong !== undefined) return `[${i}]${wrong}`;
      }
      return undefined;
    },
    decode(view, offset, into = new Array<T>(n)) {
      for (let i = 0; i < n; i++) into[i] = field.decode(view, offset + i * size, into[i]);
      return into;
    },
    signature: () => `${field.signature()}[${n}]`,
    declare: (name, tag) => field.declare(`${name}[${n}]`, tag),
  };
}

export function bytes(n: number): Field<Uint8Array> {
  count(n);
  return {
    size: n,
    align: 1,
    create: () => new Uint8Array(n),
    put(value, view, offset) {
      if (!(value instanceof Uint8Array)) return `: expected ${n} bytes, found ${found(value)}`;
      if (value.length !== n) return `: expected ${n} bytes, found ${value.length}`;
      for (let i = 0; i < n; i++) view.setUint8(offset + i, value[i]!);
      return undefined;
    },
    decode(view, offset, into = new Uint8Array(n)) {
      for (let i = 0; i < n; i++) into[i] = view.getUint8(offset + i);
      return into;
    },
    signature: () => `bytes[${n}]`,
    declare: (name) => `__u8 ${name}[${n}]`,
  };
}

const align = (offset: number, to: number): number => Math.ceil(offset / to) * to;

function place(fields: Record<string, Field<unknown>>, packed: boolean): { members: Member[]; end: number } {
  let end = 0;
  const members = Object.entries(fields).map(([name, field]) => {
    // The C header turns capitals into "_" plus lower case, which is one-to-one only for such names.
    if (!/^[a-z][A-Za-z0-9]*$/.test(name))
      throw new DeviceError("invalid", `structure member "${name}": expected camelCase`);
    const offset = packed ? end : align(end, field.align);
    end = offset + field.size;
    return { name, field, offset };
  });
  if (members.length === 0) throw new DeviceError("invalid", "a structure without members");
  return { members, end };
}

/** A structure laid out as the C compiler of a 64-bit Linux does it, or without any padding when `packed`. */
export function struct<F extends Record<string, Field<unknown>>>(
  fields: F,
  options: { packed?: boolean } = {},
): Struct<{ [K in keyof F]: Infer<F[K]> }> {
  type T = { [K in keyof F]: Infer<F[K]> };
  const packed = options.packed ?? false;
  const { members, end } = place(fields, packed);
  const alignment = packed ? 1 : Math.max(...members.map(({ field }) => field.align));
  const size = align(end, alignment);
  const within = (view: DataView, offset: number): void => {
    if (offset < 0 || offset + size > view.byteLength)
      throw new DeviceError("invalid", `structure of ${size} bytes at ${offset} of ${view.byteLength}`);
  };
  const put = (value: T, view: DataView, offset: number): string | undefined => {
    if (typeof value !== "object" || value === null) return `: expected an object, found ${found(value)}`;
    for (const member of members) {
      const wrong = member.field.put(value[member.name], view, offset + member.offset);
      if (wrong !== undefined) return `.${member.name}${wrong}`;
    }
    return undefined;
  };
  return {
    size,
    align: alignment,
    packed,
    members,
    fields: fields as unknown as Struct<T>["fields"],
    offsets: Object.fromEntries(members.map(({ name, offset }) => [name, offset])) as Record<keyof T, number>,
    create: () => Object.fromEntries(members.map(({ name, field }) => [name, field.create()])) as T,
    put,
    encode(value, view, offset) {
      within(view, offset);
      const wrong = put(value, view, offset);
      if (wrong !== undefined) throw new DeviceError("invalid", wrong.replace(/^(\.|: )/, ""));
    },
    decode(view, offset, into = {} as T) {
      within(view, offset);
      const target = into as Record<string, unknown>;
      for (const { name, field, offset: at } of members)
        target[name] = field.decode(view, offset + at, target[name]);
      return into;
    },
    signature: () =>
      `${packed ? "packed" : "struct"}{${members.map(({ name, field }) => `${name}:${field.signature()}`).join(",")}}`,
    declare: (name, tag) => `struct ${tag} ${name}`,
  };
}
