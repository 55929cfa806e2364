// Runs in: driver host, jailed. Owns: nothing. Pure: Microsoft's Gaming Input Protocol as far as Xbox One and Series controllers need it, as Linux's
// drivers/input/joystick/xpad.c and xone's bus/protocol.c have it.
import type { GamepadButton } from "@ring3/sdk";
import type { Model } from "./models.ts";
import { type State, stateOf } from "./state.ts";

export const commands = {
  acknowledge: 0x01,
  announce: 0x02,
  identify: 0x04,
  power: 0x05,
  authenticate: 0x06,
  guide: 0x07,
  rumble: 0x09,
  light: 0x0a,
  input: 0x20,
} as const;

const CLIENT = 0x0f;
const NEEDS_ACKNOWLEDGEMENT = 0x10;
const INTERNAL = 0x20;
const CHUNK_START = 0x40;
const CHUNK = 0x80;
const SHORTEST_HEADER = 4;
const LENGTH = 3;
/** A number of a header takes so many bytes at most. */
const VARINT_BYTES = 4;
/** Of an input message, behind its header. */
const INPUT_BYTES = 14;
export const TRIGGER_MAX = 1023;
const ALL_MOTORS = 0x0f;
const MAIN_MOTORS = 0x03;
/** Of the motors, in hundredths of a second. */
const LONGEST_ON = 255;

/** The bits of the first two bytes of input, from bit 2 on; 8 to 11 are the directions. */
const order: readonly (GamepadButton | undefined)[] = [
  ...(["start", "select", "south", "east", "north", "west"] as const), // menu, view, A, B, X, Y
  ...[undefined, undefined, undefined, undefined],
  ...(["leftShoulder", "rightShoulder", "leftStick", "rightStick"] as const),
];

export interface Message {
  readonly command: number;
  /** 0 is the controller itself, others are what is plugged into it. */
  readonly client: number;
  readonly needsAcknowledgement: boolean;
  /** One of several that belong together. */
  readonly isPart: boolean;
  readonly sequence: number;
  /** What its header says. */
  readonly length: number;
  /** Of its parts, how much has come before it, and how much is to come; only the first says the latter. */
  readonly before: number;
  readonly behind: number;
  /** Behind the header. */
  readonly payload: Uint8Array;
}

/** Those of a transfer, one behind the other (gip_process_buffer). The last one is cut at its end: copies say what they like of their lengths. */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  for (let rest = bytes; rest.length >= SHORTEST_HEADER; ) {
    const [command, options, sequence] = rest;
    const length = varint(rest, LENGTH);
    const isPart = (options! & CHUNK) !== 0;
    // Of the first part the length of the whole, of the others their place in it (gip_process_pkt_chunked).
    const place = isPart ? varint(rest, length.end) : { value: 0, end: length.end };
    const isFirst = isPart && (options! & CHUNK_START) !== 0;
    messages.push({
      command: command!,
      client: options! & CLIENT,
      needsAcknowledgement: (options! & NEEDS_ACKNOWLEDGEMENT) !== 0,
      isPart,
      sequence: sequence!,
      length: length.value,
      before: isFirst ? 0 : place.value,
      behind: isFirst ? Math.max(0, place.value - length.value) : 0,
      payload: rest.subarray(place.end, place.end + length.value),
    });
    rest = rest.subarray(place.end + length.value);
  }
  return messages;
}

/** Seven bits a byte, the lowest first; bit 7: there is another (gip_decode_varint). */
function varint(bytes: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  for (let at = from; at < from + VARINT_BYTES; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) << (7 * (at - from));
    if ((byte & 0x80) === 0) return { value, end: at + 1 };
  }
  return { value, end: from + VARINT_BYTES };
}

/** `guide`: it has a message of its own. Undefined: the message is too short. */
export function decodeInput({ payload }: Message, model: Model, guide: boolean): State | undefined {
  if (payload.length < INPUT_BYTES) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const bits = view.getUint16(0, true);
  const at = payload.length - (model.shareFromEnd ?? 0);
  const shares = model.shareFromEnd !== undefined && at >= INPUT_BYTES && (payload[at]! & 1) === 1;
  return stateOf(model, {
    bits: (bits >> 2) | (guide ? 1 << order.length : 0) | (shares ? 1 << (order.length + 1) : 0),
    order: [...order, "mode", "capture"],
    directions: (bits >> 8) & 0x0f,
    leftTrigger: Math.min(TRIGGER_MAX, view.getUint16(2, true)),
    rightTrigger: Math.min(TRIGGER_MAX, view.getUint16(4, true)),
    sticks: new DataView(view.buffer, view.byteOffset + 6, 8),
  });
}

/** Of its own message. */
export const isGuidePressed = ({ payload }: Message): boolean => ((payload[0] ?? 0) & 0x03) !== 0;

/** For a message that needs one: without it the controller tells the same again and again. */
export function acknowledgement({ command, sequence, length, before, behind }: Message): Uint8Array {
  const message = new Uint8Array(13);
  message.set([commands.acknowledge, INTERNAL, sequence, 9, 0, command, INTERNAL]);
  const view = new DataView(message.buffer);
  view.setUint16(7, before + length, true);
  view.setUint16(11, behind, true);
  return message;
}

/** What each controller answers, on or off, since nobody could make anything of it otherwise: what it is (gip_request_identification). */
export const identify = Uint8Array.of(commands.identify, INTERNAL, 0, 0);

/** Both from 0 to 65535; stops by itself some time behind `durationMs`, should nobody stop it. */
export function rumble(strong: number, weak: number, durationMs: number): Uint8Array {
  const times = Math.min(255, Math.ceil(durationMs / (LONGEST_ON * 10)));
  return Uint8Array.of(
    ...[commands.rumble, 0, 0, 9],
    ...[0, strong + weak === 0 ? ALL_MOTORS : MAIN_MOTORS, 0, 0, strong >> 9, weak >> 9],
    ...(strong + weak === 0 ? [0, 0, 0] : [LONGEST_ON, 0, times]),
  );
}

/**
 * What a controller is sent for it to start, in this order: xpad's xboxone_init_packets. Without authentication: wired ones do not insist. `sequence`
 * numbers are set when they are sent.
 */
export function startMessages(vendorId: number, productId: number): Uint8Array[] {
  const isOne = (...ids: (readonly [vendor: number, product: number])[]): boolean =>
    ids.some(([vendor, product]) => vendor === vendorId && product === productId);
  const steps: [wanted: boolean, message: number[]][] = [
    // Titanfall 2 pads, and Hori's for their sticks: an identification counts as had.
    [
      isOne([0x0e6f, 0x0165], [0x0f0d, 0x0067]),
      [commands.acknowledge, INTERNAL, 0, 9, 0, commands.identify, INTERNAL, 0x3a, 0, 0, 0, 0x80, 0],
    ],
    [true, [commands.power, INTERNAL, 0, 1, 0]], // on
    // Those that may have been used by Bluetooth before; the length is as xpad sends it.
    [isOne([0x045e, 0x02ea], [0x045e, 0x0b00]), [commands.power, INTERNAL, 0, 0x0f, 0x06]],
    // Light on, authentication over: many, PDP's first of all, tell no input without either.
    [true, [commands.light, INTERNAL, 0, 3, 0, 1, 0x14]],
    [true, [commands.authenticate, INTERNAL, 0, 2, 1, 0]],
    // PowerA's: a rumble that is stopped at once.
    [
      isOne([0x24c6, 0x541a], [0x24c6, 0x542a], [0x24c6, 0x543a]),
      [commands.rumble, 0, 0, 9, 0, ALL_MOTORS, 0, 0, 0x1d, 0x1d, 0xff, 0, 0],
    ],
    [
      isOne([0x24c6, 0x541a], [0x24c6, 0x542a], [0x24c6, 0x543a]),
      [commands.rumble, 0, 0, 9, 0, ALL_MOTORS, 0, 0, 0, 0, 0, 0, 0],
    ],
  ];
  return steps.flatMap(([wanted, message]) => (wanted ? [Uint8Array.from(message)] : []));
}

/** A copy with its number, 1 to 255. */
export function numbered(message: Uint8Array, sequence: number): Uint8Array {
  const copy = message.slice();
  copy[2] = sequence;
  return copy;
}
