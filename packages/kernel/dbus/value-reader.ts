// Runs in: manager. Owns: nothing. Pure: values of a D-Bus message, as the specification of 0.43 marshals them ("Type System", "Marshaling").
import { DeviceError } from "@ring3/core/errors";

/** 64-bit integers are bigints, arrays and structs are arrays, an entry of a dictionary is a pair. */
export type Value = boolean | number | bigint | string | Variant | readonly Value[];

export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/** A signature's own limit, and that of what may lie in one another: 32 arrays and 32 structs. Variants count here as both. */
const SIGNATURE_MAX = 255;
const DEPTH_MAX = 64;

const BASIC = "ybnqiuxtdsogh";
const CONTAINERS = "av({";
/** A byte order mark is a character of the string. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function malformed(what: string): DeviceError {
  return new DeviceError("protocol", `D-Bus message: ${what}`);
}

/** The single complete types of a signature: "a{sv}u" has two. */
function typesOf(signature: string): string[] {
  if (signature.length > SIGNATURE_MAX) throw malformed(`signature of ${signature.length} characters`);
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at, 0);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, at: number, depth: number): number {
  const code = signature[at];
  if (depth > DEPTH_MAX) throw malformed("signature too deep");
  if (code === "v" || (code !== undefined && BASIC.includes(code))) return at + 1;
  if (code === "a")
    return signature[at + 1] === "{"
      ? endOfEntry(signature, at + 2, depth + 1)
      : endOfType(signature, at + 1, depth + 1);
  if (code !== "(" || signature[at + 1] === ")") throw malformed(`signature "${signature}"`);
  let end = at + 1;
  while (signature[end] !== ")") end = endOfType(signature, end, depth + 1);
  return end + 1;
}

function endOfEntry(signature: string, key: number, depth: number): number {
  const end = BASIC.includes(signature[key] ?? " ") ? endOfType(signature, key + 1, depth) : -1;
  if (signature[end] !== "}") throw malformed(`signature "${signature}"`);
  return end + 1;
}

export class ValueReader {
  readonly #view: DataView;
  readonly #little: boolean;
  #at = 0;
  #depth = 0;

  /** Alignment counts from the first byte. */
  constructor(bytes: Uint8Array, little: boolean) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#little = little;
  }

  get at(): number {
    return this.#at;
  }

  /** Padding is zero, or something has gone wrong before. */
  align(to: number): void {
    for (; this.#at % to !== 0; this.#at++)
      if (this.#view.byteLength <= this.#at || this.#view.getUint8(this.#at) !== 0)
        throw malformed("padding");
  }

  all(signature: string): Value[] {
    return typesOf(signature).map((type) => this.read(type));
  }

  /** `type` is one complete type of a signature that `typesOf` has taken. */
  read(type: string): Value {
    if (!CONTAINERS.includes(type[0]!)) return this.#read(type);
    if (++this.#depth > DEPTH_MAX) throw malformed("values too deep");
    const value = this.#read(type);
    this.#depth--;
    return value;
  }

  #read(type: string): Value {
    switch (type[0]) {
      case "y":
        return this.#view.getUint8(this.#take(1, 1));
      case "n":
        return this.#view.getInt16(this.#take(2, 2), this.#little);
      case "q":
        return this.#view.getUint16(this.#take(2, 2), this.#little);
      case "i":
        return this.#view.getInt32(this.#take(4, 4), this.#little);
      case "u":
      case "h":
        return this.#uint32();
      case "x":
        return this.#view.getBigInt64(this.#take(8, 8), this.#little);
      case "t":
        return this.#view.getBigUint64(this.#take(8, 8), this.#little);
      case "d":
        return this.#view.getFloat64(this.#take(8, 8), this.#little);
      case "b":
        return this.#boolean();
      case "s":
      case "o":
        return this.#text(this.#uint32());
      case "g":
        return this.#text(this.#view.getUint8(this.#take(1, 1)));
      case "v":
        return this.#variant();
      case "a":
        return this.#array(type.slice(1));
      case "{":
      case "(":
        this.align(8);
        return this.all(type.slice(1, -1));
      default:
        throw malformed(`type "${type}"`);
    }
  }

  /** Where the next `size` bytes lie. */
  #take(size: number, alignment: number): number {
    this.align(alignment);
    const at = this.#at;
    if (at + size > this.#view.byteLength) throw malformed("it ends within a value");
    this.#at += size;
    return at;
  }

  #uint32(): number {
    return this.#view.getUint32(this.#take(4, 4), this.#little);
  }

  #boolean(): boolean {
    const value = this.#uint32();
    if (value > 1) throw malformed(`boolean ${value}`);
    return value === 1;
  }

  #text(length: number): string {
    const at = this.#take(length + 1, 1);
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, length + 1);
    if (bytes.indexOf(0) !== length) throw malformed("string without its end");
    try {
      return utf8.decode(bytes.subarray(0, length));
    } catch {
      throw malformed("string that is not UTF-8");
    }
  }

  #variant(): Variant {
    const signature = this.#text(this.#view.getUint8(this.#take(1, 1)));
    const types = typesOf(signature);
    if (types.length !== 1) throw malformed(`variant of "${signature}"`);
    return { signature, value: this.read(types[0]!) };
  }

  #array(type: string): Value[] {
    const length = this.#uint32();
    this.align(alignmentOf(type));
    const end = this.#at + length;
    if (end > this.#view.byteLength) throw malformed("it ends within an array");
    const values: Value[] = [];
    while (this.#at < end) values.push(this.read(type));
    if (this.#at !== end) throw malformed("array of another length than it says");
    return values;
  }
}

function alignmentOf(type: string): number {
  switch (type[0]) {
    case "y":
    case "g":
    case "v":
      return 1;
    case "n":
    case "q":
      return 2;
    case "x":
    case "t":
    case "d":
    case "(":
    case "{":
      return 8;
    default:
      return 4;
  }
}
