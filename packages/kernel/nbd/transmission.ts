// Runs in: reflector and tests. Owns: nothing; the codec of NBD's transmission phase, both ends, pure (proto.md,
// "Transmission"). All integers are big endian. A cookie has 64 bits and only its sender reads it: two u32 here.
import { DeviceError } from "@ring3/core/errors";
import {
  NBD_REPLY_FLAG_DONE,
  NBD_REPLY_TYPE_ERROR,
  NBD_REPLY_TYPE_OFFSET_DATA,
  NBD_REQUEST_MAGIC,
  NBD_SIMPLE_REPLY_MAGIC,
  NBD_STRING_MAX,
  NBD_STRUCTURED_REPLY_MAGIC,
} from "./constants.ts";

// Request: u32 magic, u16 flags, u16 type, u64 cookie, u64 offset, u32 length
export const REQUEST_BYTES = 28;

export interface NbdRequest {
  flags: number;
  type: number;
  cookieHigh: number;
  cookieLow: number;
  /** Bytes; above 2^53 only nearly right, which is beyond every export. */
  offset: number;
  /** Bytes. */
  length: number;
}

export function encodeRequest(request: NbdRequest): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, NBD_REQUEST_MAGIC);
  view.setUint16(4, request.flags);
  view.setUint16(6, request.type);
  view.setUint32(8, request.cookieHigh);
  view.setUint32(12, request.cookieLow);
  view.setUint32(16, Math.floor(request.offset / 2 ** 32));
  view.setUint32(20, request.offset % 2 ** 32);
  view.setUint32(24, request.length);
  return bytes;
}

/** undefined: no request starts here; the two ends have lost each other. */
export function decodeRequest(view: DataView, at: number): NbdRequest | undefined {
  if (view.getUint32(at) !== NBD_REQUEST_MAGIC) return undefined;
  return {
    flags: view.getUint16(at + 4),
    type: view.getUint16(at + 6),
    cookieHigh: view.getUint32(at + 8),
    cookieLow: view.getUint32(at + 12),
    offset: view.getUint32(at + 16) * 2 ** 32 + view.getUint32(at + 20),
    length: view.getUint32(at + 24),
  };
}

type Cookie = Pick<NbdRequest, "cookieHigh" | "cookieLow">;

// Simple reply: u32 magic, u32 error, u64 cookie; the bytes of a read follow
export const SIMPLE_REPLY_BYTES = 16;

// Structured reply chunk: u32 magic, u16 flags, u16 type, u64 cookie, u32 length of the payload behind it
export const CHUNK_HEADER_BYTES = 20;

// A read's only chunk: header and u64 offset; the bytes follow
const DATA_HEAD_BYTES = CHUNK_HEADER_BYTES + 8;

/** The head of one reply, whose memory serves again and again: making a view costs more than all that is written through it. */
export class ReplyHead {
  readonly #view = new DataView(new ArrayBuffer(DATA_HEAD_BYTES));
  readonly #simple = new Uint8Array(this.#view.buffer, 0, SIMPLE_REPLY_BYTES);
  readonly #data = new Uint8Array(this.#view.buffer);

  /** Valid until the next call. */
  simple(cookie: Cookie, error: number): Uint8Array {
    const view = this.#view;
    view.setUint32(0, NBD_SIMPLE_REPLY_MAGIC);
    view.setUint32(4, error);
    view.setUint32(8, cookie.cookieHigh);
    view.setUint32(12, cookie.cookieLow);
    return this.#simple;
  }

  /** Of the one and last chunk of a read's reply; `length` bytes of data follow it. Valid until the next call. */
  data(cookie: Cookie, offset: number, length: number): Uint8Array {
    const view = this.#view;
    writeChunk(view, cookie, NBD_REPLY_FLAG_DONE, NBD_REPLY_TYPE_OFFSET_DATA, 8 + length);
    view.setUint32(CHUNK_HEADER_BYTES, Math.floor(offset / 2 ** 32));
    view.setUint32(CHUNK_HEADER_BYTES + 4, offset % 2 ** 32);
    return this.#data;
  }
}

function writeChunk(view: DataView, cookie: Cookie, flags: number, type: number, payload: number): void {
  view.setUint32(0, NBD_STRUCTURED_REPLY_MAGIC);
  view.setUint16(4, flags);
  view.setUint16(6, type);
  view.setUint32(8, cookie.cookieHigh);
  view.setUint32(12, cookie.cookieLow);
  view.setUint32(16, payload);
}

/** The last chunk of a reply that failed: u32 error, u16 length of the message, message. */
export function encodeErrorChunk(cookie: Cookie, error: number, message: string): Uint8Array {
  const text = new Uint8Array(NBD_STRING_MAX);
  const { written } = new TextEncoder().encodeInto(message, text);
  const view = new DataView(new ArrayBuffer(CHUNK_HEADER_BYTES + 6 + written));
  writeChunk(view, cookie, NBD_REPLY_FLAG_DONE, NBD_REPLY_TYPE_ERROR, 6 + written);
  view.setUint32(CHUNK_HEADER_BYTES, error);
  view.setUint16(CHUNK_HEADER_BYTES + 4, written);
  const bytes = new Uint8Array(view.buffer);
  bytes.set(text.subarray(0, written), CHUNK_HEADER_BYTES + 6);
  return bytes;
}

export type NbdReplyHeader = Cookie &
  ({ kind: "simple"; error: number } | { kind: "chunk"; flags: number; type: number; length: number });

/** For the client's end: the head of the next reply. undefined: there are too few bytes. Throws DeviceError "protocol" for a wrong magic. */
export function decodeReplyHeader(bytes: Uint8Array): NbdReplyHeader | undefined {
  if (bytes.length < SIMPLE_REPLY_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cookie = { cookieHigh: view.getUint32(8), cookieLow: view.getUint32(12) };
  const magic = view.getUint32(0);
  if (magic === NBD_SIMPLE_REPLY_MAGIC) return { kind: "simple", error: view.getUint32(4), ...cookie };
  if (magic !== NBD_STRUCTURED_REPLY_MAGIC)
    throw new DeviceError("protocol", `NBD reply with magic 0x${magic.toString(16)}`);
  if (bytes.length < CHUNK_HEADER_BYTES) return undefined;
  const [flags, type, length] = [view.getUint16(4), view.getUint16(6), view.getUint32(16)];
  return { kind: "chunk", flags, type, length, ...cookie };
}

/** For the client's end: payload of an error chunk. Cut short where the message does not fit. */
export function decodeErrorChunk(payload: Uint8Array): { error: number; message: string } {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const message = new TextDecoder().decode(payload.subarray(6, 6 + view.getUint16(4)));
  return { error: view.getUint32(0), message };
}
