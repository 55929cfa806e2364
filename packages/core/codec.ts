// Runs in: everywhere. Owns: the generated code that moves one structure between an object and bytes. Pure.
// Code is generated because generic code must name members at run time, which costs six times the time and boxes every 64-bit
// value. What it is built from are numbers and member names that struct() has checked.
import { DeviceError } from "./errors.ts";
import type { Shape } from "./struct.ts";

export interface Codec<T> {
  create(): T;
  encode(value: T, view: DataView, offset: number): void;
  decode(view: DataView, offset: number, into?: T): T;
}

/** A value in the generated code: the expressions for where it is, at which byte, and what an error calls it. */
interface Place {
  value: string;
  at: string;
  name: string;
}

const MAX = Number.MAX_SAFE_INTEGER;
const TWO_32 = 2 ** 32;

export function compile<T>(shape: Extract<Shape, { kind: "struct" }>, size: number): Codec<T> {
  const whole: Place = { value: "value", at: "o", name: '""' };
  const constructors: string[] = [];
  const source = `"use strict";
const create = () => ${zero(shape, constructors)};
${constructors.join("\n")}
return {
  create,
  encode(value, v, o) { if (!(o >= 0 && o + ${size} <= v.byteLength)) room(o, v); let x; ${encode(shape, whole, 0)} },
  decode(v, o, value = create()) { if (!(o >= 0 && o + ${size} <= v.byteLength)) room(o, v); let x; ${decode(shape, whole, 0)} return value; },
};`;
  const room = (offset: number, view: DataView): never => {
    throw new DeviceError("invalid", `a structure of ${size} bytes at byte ${offset} of ${view.byteLength}`);
  };
  return new Function("room", "wrong", "far", source)(room, wrong, far) as Codec<T>;
}

function wrong(name: string, expected: string, value: unknown): never {
  const found = typeof value === "number" ? value : value === null ? "null" : describe(value);
  throw new DeviceError("invalid", `${name.slice(1) || "value"}: expected ${expected}, found ${found}`);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `${value.length} elements`;
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  return typeof value;
}

function far(name: string): never {
  throw new DeviceError("out-of-range", `${name.slice(1)}: a 64-bit integer beyond 2^53-1`);
}

// Plain objects, but of a hidden class of their own: literals would share theirs with the literal that struct() was given, whose
// members are objects, and V8 would then box every double stored into one.
function zero(shape: Shape, constructors: string[]): string {
  switch (shape.kind) {
    case "integer":
    case "float":
      return "0";
    case "bytes":
      return `new Uint8Array(${shape.count})`;
    case "array":
      return `Array.from({ length: ${shape.count} }, () => ${zero(shape.element.shape, constructors)})`;
    case "struct": {
      const body = shape.members.map(
        ({ name, field }) => `this.${name} = ${zero(field.shape, constructors)};`,
      );
      const name = `Value${constructors.length}`;
      constructors.push(`function ${name}() { ${body.join(" ")} } ${name}.prototype = Object.prototype;`);
      return `new ${name}()`;
    }
  }
}

const members = (
  shape: Extract<Shape, { kind: "struct" }>,
  { value, at, name }: Place,
  each: (shape: Shape, place: Place) => string,
): string =>
  shape.members
    .map((m) =>
      each(m.field.shape, {
        value: `${value}.${m.name}`,
        at: `${at} + ${m.offset}`,
        name: `${name} + ".${m.name}"`,
      }),
    )
    .join("\n");

const elements = (
  shape: Extract<Shape, { kind: "array" }>,
  { value, at, name }: Place,
  depth: number,
  each: (shape: Shape, place: Place) => string,
): string => {
  const [i, o] = [`i${depth}`, `o${depth}`];
  const place = { value: `${value}[${i}]`, at: o, name: `${name} + "[" + ${i} + "]"` };
  return `for (let ${i} = 0, ${o} = ${at}; ${i} < ${shape.count}; ${i}++, ${o} += ${shape.element.size}) {
    ${each(shape.element.shape, place)}
  }`;
};

const method = (bits: number, signed: boolean): string => `${signed ? "Int" : "Uint"}${bits}`;

function encode(shape: Shape, place: Place, depth: number): string {
  const { value, at, name } = place;
  const fail = (expected: string): string => `wrong(${name}, "${expected}", x);`;
  switch (shape.kind) {
    case "integer": {
      const { bits, signed, little } = shape;
      const max = bits === 64 ? MAX : 2 ** (signed ? bits - 1 : bits) - 1;
      const min = signed ? (bits === 64 ? -MAX : -max - 1) : 0;
      const check = `x = ${value}; if (!(Number.isInteger(x) && x >= ${min} && x <= ${max})) ${fail(`an integer from ${min} to ${max}`)}`;
      if (bits < 64) return `${check} v.set${method(bits, signed)}(${at}, x, ${little});`;
      // As two halves: a BigInt store costs eight times as much. The setters take a value modulo 2^32.
      return `${check} v.setUint32(${at} + ${little ? 0 : 4}, x, ${little});
        v.setUint32(${at} + ${little ? 4 : 0}, Math.floor(x / ${TWO_32}), ${little});`;
    }
    case "float":
      return `x = ${value}; if (typeof x !== "number") ${fail("a number")} v.setFloat${shape.bits}(${at}, x, ${shape.little});`;
    case "bytes": {
      const i = `i${depth}`;
      return `x = ${value}; if (!(x instanceof Uint8Array && x.length === ${shape.count})) ${fail(`${shape.count} bytes`)}
        for (let ${i} = 0; ${i} < ${shape.count}; ${i}++) v.setUint8(${at} + ${i}, x[${i}]);`;
    }
    case "array":
      return `x = ${value}; if (!(Array.isArray(x) && x.length === ${shape.count})) ${fail(`${shape.count} elements`)}
        ${elements(shape, place, depth, (inner, at) => encode(inner, at, depth + 1))}`;
    case "struct":
      return `x = ${value}; if (typeof x !== "object" || x === null) ${fail("an object")}
        ${members(shape, place, (inner, at) => encode(inner, at, depth))}`;
  }
}

function decode(shape: Shape, place: Place, depth: number): string {
  const { value, at, name } = place;
  switch (shape.kind) {
    case "integer": {
      const { bits, signed, little } = shape;
      if (bits < 64) return `${value} = v.get${method(bits, signed)}(${at}, ${little});`;
      const high = `v.get${method(32, signed)}(${at} + ${little ? 4 : 0}, ${little})`;
      return `x = ${high} * ${TWO_32} + v.getUint32(${at} + ${little ? 0 : 4}, ${little});
        if (x > ${MAX} || x < -${MAX}) far(${name}); ${value} = x;`;
    }
    case "float":
      return `${value} = v.getFloat${shape.bits}(${at}, ${shape.little});`;
    case "bytes": {
      const i = `i${depth}`;
      return `for (let ${i} = 0; ${i} < ${shape.count}; ${i}++) ${value}[${i}] = v.getUint8(${at} + ${i});`;
    }
    case "array":
      return elements(shape, place, depth, (inner, at) => decode(inner, at, depth + 1));
    case "struct":
      return members(shape, place, (inner, at) => decode(inner, at, depth));
  }
}
