// Runs in: tests. Owns: nothing. Marshals any D-Bus message, in either byte order, and apart from the codec that reads it.

export type Typed = readonly [type: string, value: unknown];

/** What is aligned to what: specification 0.43, "Summary of D-Bus Marshaling". */
const alignments: Record<string, number> = { y: 1, g: 1, v: 1, n: 2, q: 2, x: 8, t: 8, d: 8, "(": 8, "{": 8 };

class Marshal {
  bytes: number[] = [];
  readonly #little: boolean;

  constructor(little: boolean) {
    this.#little = little;
  }

  align(to: number): this {
    while (this.bytes.length % to !== 0) this.bytes.push(0);
    return this;
  }

  number(size: number, write: (view: DataView, little: boolean) => void): this {
    const view = new DataView(new ArrayBuffer(size));
    write(view, this.#little);
    this.align(size).bytes.push(...new Uint8Array(view.buffer));
    return this;
  }

  uint32(value: number): this {
    return this.number(4, (view, little) => view.setUint32(0, value, little));
  }

  value(type: string, value: unknown): this {
    const number = value as number;
    switch (type[0]) {
      case "y":
        return this.number(1, (view) => view.setUint8(0, number));
      case "n":
        return this.number(2, (view, little) => view.setInt16(0, number, little));
      case "q":
        return this.number(2, (view, little) => view.setUint16(0, number, little));
      case "i":
        return this.number(4, (view, little) => view.setInt32(0, number, little));
      case "x":
        return this.number(8, (view, little) => view.setBigInt64(0, value as bigint, little));
      case "t":
        return this.number(8, (view, little) => view.setBigUint64(0, value as bigint, little));
      case "d":
        return this.number(8, (view, little) => view.setFloat64(0, number, little));
      case "s":
      case "o":
        return this.uint32(Buffer.byteLength(value as string)).text(value as string);
      case "g":
        return this.value("y", (value as string).length).text(value as string);
      case "v": {
        const { signature, value: inner } = value as { signature: string; value: unknown };
        return this.value("g", signature).value(signature, inner);
      }
      case "a": {
        const inner = type.slice(1);
        const at = this.uint32(0).bytes.length;
        this.align(alignments[inner[0]!] ?? 4);
        const begin = this.bytes.length;
        for (const each of value as unknown[]) this.value(inner, each);
        const length = new Marshal(this.#little).uint32(this.bytes.length - begin);
        this.bytes.splice(at - 4, 4, ...length.bytes);
        return this;
      }
      case "(":
      case "{": {
        this.align(8);
        const types = split(type.slice(1, -1));
        for (const [index, each] of types.entries()) this.value(each, (value as unknown[])[index]);
        return this;
      }
      default:
        return this.uint32(Number(value)); // b, u, h
    }
  }

  text(text: string): this {
    this.bytes.push(...Buffer.from(text), 0);
    return this;
  }
}

/** The complete types of a well-formed signature: what is open is closed again. */
function split(signature: string): string[] {
  const types: string[] = [""];
  let open = 0;
  for (const code of signature) {
    types[types.length - 1] += code;
    if (code === "(" || code === "{") open++;
    if (code === ")" || code === "}") open--;
    if (open === 0 && code !== "a") types.push("");
  }
  return types.slice(0, -1);
}

export interface Marshaled {
  readonly type?: number;
  readonly serial?: number;
  readonly little?: boolean;
  /** Header fields by their numbers. */
  readonly fields?: readonly (readonly [number, string, unknown])[];
  readonly body?: readonly Typed[];
  readonly flags?: number;
}

export function marshaled({
  type = 4,
  serial = 1,
  little = true,
  fields = [],
  body = [],
  flags = 0,
}: Marshaled): Uint8Array {
  const content = new Marshal(little);
  for (const [kind, value] of body) content.value(kind, value);
  const signature = body.map(([kind]) => kind).join("");
  const all = signature === "" ? fields : [...fields, [8, "g", signature] as const];
  const message = new Marshal(little);
  message.bytes.push(little ? 0x6c : 0x42, type, flags, 1);
  message.uint32(content.bytes.length).uint32(serial);
  message.value(
    "a(yv)",
    all.map(([code, kind, value]) => [code, { signature: kind, value }]),
  );
  return Uint8Array.from([...message.align(8).bytes, ...content.bytes]);
}
