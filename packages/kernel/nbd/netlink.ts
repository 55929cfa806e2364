// Runs in: manager. Owns: nothing; messages of generic netlink (netlink(7), genetlink's Documentation/netlink/), as far as <linux/nbd-netlink.h> needs
// them. Pure. All numbers are in the machine's byte order, which is little-endian.
import { DeviceError } from "@ring3/core/errors";

// linux/netlink.h
const NLMSG_HEADER = 16;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLMSG_ERROR = 2;
const NLA_HEADER = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
// linux/genetlink.h
const GENL_HEADER = 4;

export type Attribute = readonly [type: number, value: Uint8Array | readonly Attribute[]];

export const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
/** Up to 2⁵³. */
export const u64 = (value: number): Uint8Array =>
  new Uint8Array(Uint32Array.of(value, value / 2 ** 32).buffer);
/** With its NUL. */
export const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);

const aligned = (length: number): number => (length + 3) & ~3;

function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const parts = attributes.map(([type, value]) => {
    const nested = !(value instanceof Uint8Array);
    const content = nested ? encodeAttributes(value) : value;
    const bytes = new Uint8Array(aligned(NLA_HEADER + content.length));
    const view = new DataView(bytes.buffer);
    view.setUint16(0, NLA_HEADER + content.length, true);
    view.setUint16(2, nested ? type | NLA_F_NESTED : type, true);
    bytes.set(content, NLA_HEADER);
    return bytes;
  });
  return Buffer.concat(parts);
}

export interface GenericMessage {
  /** Of the family; GENL_ID_CTRL for the kernel's own. */
  readonly type: number;
  readonly sequence: number;
  readonly command: number;
  readonly attributes: readonly Attribute[];
}

/** A request that is to be acknowledged. */
export function encodeRequest({ type, sequence, command, attributes }: GenericMessage): Uint8Array {
  const content = encodeAttributes(attributes);
  const bytes = new Uint8Array(NLMSG_HEADER + GENL_HEADER + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_ACK, true);
  view.setUint32(8, sequence, true);
  view.setUint8(NLMSG_HEADER, command);
  view.setUint8(NLMSG_HEADER + 1, 1); // version
  bytes.set(content, NLMSG_HEADER + GENL_HEADER);
  return bytes;
}

export type Answer =
  /** 0: done; otherwise a negative errno. */
  | { readonly kind: "acknowledged"; readonly sequence: number; readonly error: number }
  | {
      readonly kind: "message";
      readonly sequence: number;
      readonly attributes: ReadonlyMap<number, Uint8Array>;
    };

/** All that came in one read. Throws DeviceError("protocol") for what no kernel sends. */
export function decodeAnswers(bytes: Uint8Array): Answer[] {
  const answers: Answer[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const length = at + NLMSG_HEADER <= bytes.length ? view.getUint32(at, true) : 0;
    if (length < NLMSG_HEADER || at + length > bytes.length) throw malformed("a message beyond its end");
    const sequence = view.getUint32(at + 8, true);
    const content = at + NLMSG_HEADER;
    if (view.getUint16(at + 4, true) === NLMSG_ERROR) {
      if (length < NLMSG_HEADER + 4) throw malformed("an acknowledgement without its error");
      answers.push({ kind: "acknowledged", sequence, error: view.getInt32(content, true) });
    } else {
      const end = at + length;
      answers.push({
        kind: "message",
        sequence,
        attributes: decodeAttributes(bytes, content + GENL_HEADER, end),
      });
    }
    at += aligned(length);
  }
  return answers;
}

function decodeAttributes(bytes: Uint8Array, begin: number, end: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = begin; at < end; ) {
    const length = at + NLA_HEADER <= end ? view.getUint16(at, true) : 0;
    if (length < NLA_HEADER || at + length > end) throw malformed("an attribute beyond its end");
    found.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + NLA_HEADER, at + length));
    at += aligned(length);
  }
  return found;
}

const malformed = (what: string): DeviceError => new DeviceError("protocol", `netlink: ${what}`);
