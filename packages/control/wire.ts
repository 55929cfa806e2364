// Runs in: every process. Owns: nothing. Pure codec of control messages: JSON in one frame, refused early when hostile.
import { DeviceError, type DeviceErrorKind, deviceErrorKinds } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";

export type Message =
  | { type: "request"; id: number; method: string; params: unknown }
  | { type: "answer"; id: number; result: unknown }
  | { type: "refusal"; id: number; error: DeviceError }
  | { type: "notice"; notice: string; params: unknown };

/** Schemas nest five deep; beyond this a message only costs the reader stack and memory. */
export const maxDepth = 32;
const maxErrorText = 2000;

const utf8 = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

export function encodeMessage(message: Message): Uint8Array {
  return encoder.encode(JSON.stringify(wireForm(message)));
}

function wireForm(message: Message): object {
  switch (message.type) {
    case "request":
      return { id: message.id, method: message.method, params: message.params };
    case "answer":
      return { id: message.id, result: message.result };
    case "refusal":
      return { id: message.id, error: errorForm(message.error) };
    case "notice":
      return { notice: message.notice, params: message.params };
  }
}

/** Throws DeviceError("protocol") for anything that is not exactly one message. */
export function decodeMessage(payload: Uint8Array): Message {
  refuseDeep(payload);
  const value = parse(payload);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw malformed("a JSON object", kindOfValue(value));
  const fields = value as Record<string, unknown>;
  const params = fields.params ?? {};
  if (has(fields, "notice")) {
    if (typeof fields.notice !== "string" || !only(fields, "notice", "params"))
      throw malformed("a notice", shape(fields));
    return { type: "notice", notice: fields.notice, params };
  }
  const id = fields.id;
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 1)
    throw malformed("a positive integer id", shape(fields));
  if (has(fields, "method")) {
    if (typeof fields.method !== "string" || !only(fields, "id", "method", "params"))
      throw malformed("a request", shape(fields));
    return { type: "request", id, method: fields.method, params };
  }
  if (has(fields, "error") && only(fields, "id", "error"))
    return { type: "refusal", id, error: readError(fields.error) };
  if (only(fields, "id", "result")) return { type: "answer", id, result: fields.result };
  throw malformed("a request, an answer or a notice", shape(fields));
}

/** Kind, errno and words of an error survive the connection; its stack and cause stay where they are. */
function errorForm(error: DeviceError): object {
  return { kind: error.kind, errno: error.errno, message: withoutKindText(error) };
}

function readError(value: unknown): DeviceError {
  const { kind, errno, message } = (value ?? {}) as Record<string, unknown>;
  if (typeof kind !== "string" || !isKind(kind) || typeof message !== "string")
    throw malformed("an error with kind and message", kindOfValue(value));
  const known = typeof errno === "number" && Number.isInteger(errno) && errno > 0 && errno < 4096; // MAX_ERRNO, include/linux/err.h
  return new DeviceError(kind, printable(message, maxErrorText), known ? { errno } : {});
}

/** DeviceError appends the text of its kind; sent along it would stand there twice after a journey. */
export function withoutKindText(error: DeviceError): string {
  const suffix = new DeviceError(error.kind, "", { errno: error.errno }).message;
  const words = error.message.endsWith(suffix) ? error.message.slice(0, -suffix.length) : error.message;
  return printable(words, maxErrorText);
}

function isKind(text: string): text is DeviceErrorKind {
  return (deviceErrorKinds as readonly string[]).includes(text);
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(payload));
  } catch {
    throw malformed("UTF-8 JSON", `${payload.length} bytes that are not`);
  }
}

/** Counts brackets outside strings before anything is built from them. */
function refuseDeep(payload: Uint8Array): void {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < payload.length; at++) {
    const byte = payload[at]!;
    if (quoted) {
      if (byte === 0x5c)
        at++; // backslash: the next byte is part of the string
      else if (byte === 0x22) quoted = false;
    } else if (byte === 0x22) quoted = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw malformed(`at most ${maxDepth} levels of nesting`, "more");
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
}

function has(fields: object, name: string): boolean {
  return Object.hasOwn(fields, name);
}

function only(fields: object, ...names: string[]): boolean {
  return Object.keys(fields).every((name) => names.includes(name));
}

function shape(fields: object): string {
  return printable(`{ ${Object.keys(fields).slice(0, 6).join(", ")} }`, 120);
}

function kindOfValue(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

function malformed(expected: string, found: string): DeviceError {
  return new DeviceError("protocol", `control message: expected ${expected}, found ${found}`);
}
