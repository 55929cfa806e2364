// Runs in: manager. Owns: nothing. Pure codec of D-Bus messages (specification 0.43, "Message Protocol"): calls that carry strings go out, anything comes in.
import { malformed, type Value, ValueReader, type Variant } from "./value-reader.ts";

/** "Message Format". Types that nobody knows are to be ignored. */
const METHOD_CALL = 1;
const kinds = ["invalid", "call", "return", "error", "signal"] as const;
const NO_FLAGS = 0; // a reply is expected

const LITTLE = 0x6c; // "l"
const BIG = 0x42; // "B"
const PROTOCOL_VERSION = 1;
/** Byte order, type, flags, version, length of the body, serial, and the length of the array of header fields. */
export const FIXED_BYTES = 16;

/** "Header Fields". */
const PATH = 1;
const INTERFACE = 2;
const MEMBER = 3;
const ERROR_NAME = 4;
const REPLY_SERIAL = 5;
const DESTINATION = 6;
const SENDER = 7;
const SIGNATURE = 8;
const UNIX_FDS = 9;
const fieldTypes: Readonly<Record<number, string>> = {
  [PATH]: "o",
  [INTERFACE]: "s",
  [MEMBER]: "s",
  [ERROR_NAME]: "s",
  [REPLY_SERIAL]: "u",
  [DESTINATION]: "s",
  [SENDER]: "s",
  [SIGNATURE]: "g",
  [UNIX_FDS]: "u",
};

/** What a message does not say. No header field is an empty string ("Valid Names", "Valid Object Paths"). */
const NOTHING = "";

export interface Message {
  readonly kind: (typeof kinds)[number] | "unknown";
  readonly serial: number;
  /** Of the call that a return or an error answers; 0 of others. */
  readonly replySerial: number;
  /** "" where the message does not say, as in all of these. On a bus the daemon sets the sender, whatever the sender says. */
  readonly sender: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly errorName: string;
  readonly signature: string;
  readonly body: readonly Value[];
  /** How many descriptors came with it. A value of type h is an index into them. */
  readonly descriptorCount: number;
}

export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly strings: readonly string[];
}

/** How long a message is that begins with these 16 bytes. */
export function messageBytes(fixed: Uint8Array): number {
  const little = littleEndian(fixed);
  const view = new DataView(fixed.buffer, fixed.byteOffset, FIXED_BYTES);
  return aligned(FIXED_BYTES + view.getUint32(12, little), 8) + view.getUint32(4, little);
}

/** One whole message. Throws DeviceError "protocol". */
export function decodeMessage(bytes: Uint8Array): Message {
  const little = littleEndian(bytes);
  const reader = new ValueReader(bytes, little);
  const [, type, , version, bodyBytes, serial] = reader.all("yyyyuu") as number[];
  const kind = kinds[type!] ?? "unknown";
  if (kind === "invalid" || version !== PROTOCOL_VERSION || serial === 0)
    throw malformed(`type ${type}, version ${version}, serial ${serial}`);
  const fields = fieldsOf(reader.read("a(yv)") as [number, Variant][]);
  reader.align(8);
  if (bytes.length - reader.at !== bodyBytes) throw malformed("body of another length than it says");
  const signature = fields.text(SIGNATURE);
  const body = new ValueReader(bytes.subarray(reader.at), little);
  const values = body.all(signature);
  if (body.at !== bodyBytes) throw malformed("body of another length than its signature");
  return {
    kind,
    serial: serial!,
    replySerial: fields.number(REPLY_SERIAL),
    sender: fields.text(SENDER),
    path: fields.text(PATH),
    interface: fields.text(INTERFACE),
    member: fields.text(MEMBER),
    errorName: fields.text(ERROR_NAME),
    signature,
    body: values,
    descriptorCount: fields.number(UNIX_FDS),
  };
}

function fieldsOf(entries: readonly [number, Variant][]) {
  const known = new Map<number, Value>();
  for (const [code, { signature, value }] of entries) {
    const type = fieldTypes[code];
    if (type === undefined) continue; // "Implementations must ignore fields they do not understand"
    if (signature !== type || known.has(code)) throw malformed(`header field ${code} of type "${signature}"`);
    known.set(code, value);
  }
  return {
    text: (code: number) => (known.get(code) as string | undefined) ?? NOTHING,
    number: (code: number) => (known.get(code) as number | undefined) ?? 0,
  };
}

/** Little-endian. */
export function encodeCall(call: Call, serial: number): Uint8Array {
  const fields: [number, string][] = [
    [PATH, call.path],
    [INTERFACE, call.interface],
    [MEMBER, call.member],
    [DESTINATION, call.destination],
  ];
  const header = new Writer();
  for (const [code, text] of fields) {
    header.align(8);
    header.bytes(code, ...signature(fieldTypes[code]!));
    header.text(text);
  }
  if (call.strings.length > 0) {
    header.align(8);
    header.bytes(SIGNATURE, ...signature("g"), ...signature("s".repeat(call.strings.length)));
  }
  const body = new Writer();
  for (const text of call.strings) body.text(text);
  const message = new Writer();
  message.bytes(LITTLE, METHOD_CALL, NO_FLAGS, PROTOCOL_VERSION);
  message.uint32(body.length);
  message.uint32(serial);
  message.uint32(header.length);
  message.bytes(...header.written); // begins at 16, so that its alignment is the message's
  message.align(8);
  message.bytes(...body.written);
  return Uint8Array.from(message.written);
}

class Writer {
  readonly written: number[] = [];

  get length(): number {
    return this.written.length;
  }

  bytes(...bytes: number[]): void {
    this.written.push(...bytes);
  }

  align(to: number): void {
    while (this.length % to !== 0) this.bytes(0);
  }

  uint32(value: number): void {
    this.align(4);
    this.bytes(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.uint32(bytes.length);
    this.bytes(...bytes, 0);
  }
}

/** As marshaled: its length in one byte, then its characters, then NUL. */
const signature = (text: string) => [text.length, ...new TextEncoder().encode(text), 0];

function littleEndian(bytes: Uint8Array): boolean {
  if (bytes.length < FIXED_BYTES || (bytes[0] !== LITTLE && bytes[0] !== BIG)) throw malformed("byte order");
  return bytes[0] === LITTLE;
}

const aligned = (at: number, to: number) => Math.ceil(at / to) * to;
