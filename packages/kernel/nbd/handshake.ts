// Runs in: reflector and tests. Owns: nothing; the codec of NBD's fixed newstyle negotiation, both ends, pure
// (proto.md, "Newstyle negotiation" and "Option types"). All integers are big endian.
import {
  NBD_INFO_BLOCK_SIZE,
  type NBD_INFO_DESCRIPTION,
  NBD_INFO_EXPORT,
  type NBD_INFO_NAME,
  NBD_MAGIC,
  NBD_OPTION_MAGIC,
  NBD_REPLY_MAGIC,
  NBD_STRING_MAX,
} from "./constants.ts";

const utf8 = new TextEncoder();

/** What a connection needs to know of an export. */
export interface NbdExport {
  readonly bytes: number;
  /** Transmission flags, NBD_FLAG_*. */
  readonly flags: number;
  readonly minimumBlock: number;
  readonly preferredBlock: number;
  readonly maximumPayload: number;
}

function block(size: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function setU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value % 2 ** 32);
}

function getU64(view: DataView, offset: number): number {
  return view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);
}

function setMagic(view: DataView, offset: number, magic: readonly [number, number]): void {
  view.setUint32(offset, magic[0]);
  view.setUint32(offset + 4, magic[1]);
}

function hasMagic(view: DataView, offset: number, magic: readonly [number, number]): boolean {
  return view.getUint32(offset) === magic[0] && view.getUint32(offset + 4) === magic[1];
}

/** At most NBD_STRING_MAX bytes of UTF-8; a longer text is cut at a character. */
function text(value: string): Uint8Array {
  const bytes = new Uint8Array(NBD_STRING_MAX);
  return bytes.subarray(0, utf8.encodeInto(value, bytes).written);
}

// Server's greeting: magic, option magic, u16 handshake flags
export const GREETING_BYTES = 18;

export function encodeGreeting(flags: number): Uint8Array {
  const { bytes, view } = block(GREETING_BYTES);
  setMagic(view, 0, NBD_MAGIC);
  setMagic(view, 8, NBD_OPTION_MAGIC);
  view.setUint16(16, flags);
  return bytes;
}

/** The handshake flags; undefined for a server that does not greet in newstyle. */
export function decodeGreeting(bytes: Uint8Array): number | undefined {
  const view = viewOf(bytes);
  return hasMagic(view, 0, NBD_MAGIC) && hasMagic(view, 8, NBD_OPTION_MAGIC) ? view.getUint16(16) : undefined;
}

// Client's answer: u32 client flags
export const CLIENT_FLAGS_BYTES = 4;

export function encodeClientFlags(flags: number): Uint8Array {
  const { bytes, view } = block(CLIENT_FLAGS_BYTES);
  view.setUint32(0, flags);
  return bytes;
}

export function decodeClientFlags(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(0);
}

// Option: u64 option magic, u32 option, u32 length of the data behind it
export const OPTION_HEADER_BYTES = 16;

export function encodeOption(option: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const { bytes, view } = block(OPTION_HEADER_BYTES + data.length);
  setMagic(view, 0, NBD_OPTION_MAGIC);
  view.setUint32(8, option);
  view.setUint32(12, data.length);
  bytes.set(data, OPTION_HEADER_BYTES);
  return bytes;
}

/** undefined: no option starts here; the two ends have lost each other. */
export function decodeOptionHeader(bytes: Uint8Array): { option: number; length: number } | undefined {
  const view = viewOf(bytes);
  if (!hasMagic(view, 0, NBD_OPTION_MAGIC)) return undefined;
  return { option: view.getUint32(8), length: view.getUint32(12) };
}

/** An export's name as it came; what is not UTF-8 in it becomes U+FFFD, which no export of ours has in its name. */
export function decodeName(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Data of NBD_OPT_INFO and NBD_OPT_GO: u32 name length, name, u16 number of information requests, u16 each. */
export function encodeInfoRequest(name: string, wanted: readonly number[]): Uint8Array {
  const encoded = utf8.encode(name);
  const { bytes, view } = block(6 + encoded.length + 2 * wanted.length);
  view.setUint32(0, encoded.length);
  bytes.set(encoded, 4);
  view.setUint16(4 + encoded.length, wanted.length);
  for (const [index, type] of wanted.entries()) view.setUint16(6 + encoded.length + 2 * index, type);
  return bytes;
}

/** A string says what is wrong with the data. */
export function decodeInfoRequest(bytes: Uint8Array): { name: string; wanted: number[] } | string {
  if (bytes.length < 6) return `expected at least 6 bytes, found ${bytes.length}`;
  const view = viewOf(bytes);
  const nameLength = view.getUint32(0);
  if (nameLength > NBD_STRING_MAX)
    return `the name has ${nameLength} bytes, at most ${NBD_STRING_MAX} are allowed`;
  if (nameLength > bytes.length - 6)
    return `a name of ${nameLength} bytes does not fit ${bytes.length} bytes`;
  const count = view.getUint16(4 + nameLength);
  const expected = 6 + nameLength + 2 * count;
  if (bytes.length !== expected) return `expected ${expected} bytes, found ${bytes.length}`;
  const wanted = Array.from({ length: count }, (_, index) => view.getUint16(6 + nameLength + 2 * index));
  return { name: decodeName(bytes.subarray(4, 4 + nameLength)), wanted };
}

// Option reply: u64 reply magic, u32 option, u32 reply type, u32 length of the data behind it
export const OPTION_REPLY_HEADER_BYTES = 20;

export function encodeOptionReply(option: number, type: number, data: Uint8Array | string = ""): Uint8Array {
  const payload = typeof data === "string" ? text(data) : data;
  const { bytes, view } = block(OPTION_REPLY_HEADER_BYTES + payload.length);
  setMagic(view, 0, NBD_REPLY_MAGIC);
  view.setUint32(8, option);
  view.setUint32(12, type);
  view.setUint32(16, payload.length);
  bytes.set(payload, OPTION_REPLY_HEADER_BYTES);
  return bytes;
}

export function decodeOptionReplyHeader(
  bytes: Uint8Array,
): { option: number; type: number; length: number } | undefined {
  const view = viewOf(bytes);
  if (!hasMagic(view, 0, NBD_REPLY_MAGIC)) return undefined;
  return { option: view.getUint32(8), type: view.getUint32(12), length: view.getUint32(16) };
}

/** Data of NBD_REP_SERVER: u32 name length, name, a description for people. */
export function encodeServer(name: string, description: string): Uint8Array {
  const [first, second] = [text(name), text(description)];
  const { bytes, view } = block(4 + first.length + second.length);
  view.setUint32(0, first.length);
  bytes.set(first, 4);
  bytes.set(second, 4 + first.length);
  return bytes;
}

/** Data of NBD_REP_INFO: u16 type, and NBD_INFO_EXPORT's u64 size and u16 transmission flags. */
export function encodeExportInfo({ bytes: size, flags }: NbdExport): Uint8Array {
  const { bytes, view } = block(12);
  view.setUint16(0, NBD_INFO_EXPORT);
  setU64(view, 2, size);
  view.setUint16(10, flags);
  return bytes;
}

export function encodeBlockSizeInfo(served: NbdExport): Uint8Array {
  const { bytes, view } = block(14);
  view.setUint16(0, NBD_INFO_BLOCK_SIZE);
  view.setUint32(2, served.minimumBlock);
  view.setUint32(6, served.preferredBlock);
  view.setUint32(10, served.maximumPayload);
  return bytes;
}

export function encodeTextInfo(
  type: typeof NBD_INFO_NAME | typeof NBD_INFO_DESCRIPTION,
  value: string,
): Uint8Array {
  const encoded = text(value);
  const { bytes, view } = block(2 + encoded.length);
  view.setUint16(0, type);
  bytes.set(encoded, 2);
  return bytes;
}

/** Answer to NBD_OPT_EXPORT_NAME: u64 size, u16 flags, and 124 zeroes unless the client can do without. */
export function encodeExportNameReply({ bytes: size, flags }: NbdExport, zeroes: boolean): Uint8Array {
  const { bytes, view } = block(zeroes ? 134 : 10);
  setU64(view, 0, size);
  view.setUint16(8, flags);
  return bytes;
}

/** For the client's end: what NBD_INFO_EXPORT or the answer to NBD_OPT_EXPORT_NAME say, from `offset` on. */
export function decodeSizeAndFlags(bytes: Uint8Array, offset: number): { bytes: number; flags: number } {
  const view = viewOf(bytes);
  return { bytes: getU64(view, offset), flags: view.getUint16(offset + 8) };
}
