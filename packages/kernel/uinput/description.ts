// Runs in: reflector. Owns: nothing; what an input device is like, how the kernel is told so, and what it is at rest
// (Documentation/input/uinput.rst, event-codes.rst, gamepad.rst).
import { check } from "../fd/descriptor.ts";
import type { UinputCalls } from "./calls.ts";
import {
  ABS_MT_SLOT,
  ABS_MT_TRACKING_ID,
  EV_ABS,
  EV_FF,
  EV_KEY,
  EV_LED,
  EV_MSC,
  EV_REL,
  EV_REP,
  EV_SW,
  FF_GAIN,
  FF_PERIODIC,
  FF_RUMBLE,
  FF_SINE,
  FF_SQUARE,
  FF_TRIANGLE,
} from "./codes.ts";
import {
  UI_ABS_SETUP,
  UI_DEV_CREATE,
  UI_DEV_SETUP,
  UI_SET_EVBIT,
  UI_SET_FFBIT,
  UI_SET_KEYBIT,
  UI_SET_LEDBIT,
  UI_SET_MSCBIT,
  UI_SET_PHYS,
  UI_SET_PROPBIT,
  UI_SET_RELBIT,
  UI_SET_SWBIT,
  UINPUT_MAX_NAME_SIZE,
  uinputAbsSetup,
  uinputSetup,
} from "./constants.ts";

export interface InputEvent {
  type: number;
  code: number;
  value: number;
}

/** As the kernel has them in struct input_absinfo. */
export interface Axis {
  readonly code: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly fuzz: number;
  readonly flat: number;
  /** Units per millimetre, or per radian where it turns. */
  readonly resolution: number;
  /** Where it is while nobody touches it, at first too; null: it stays where it was, as a pen's position does. */
  readonly rest: number | null;
}

/** Codes are those of codes.ts. */
export interface InputDescription {
  /** Of 79 bytes in UTF-8; the kernel has no room for more. */
  readonly name: string;
  /** Where it is, for instance "ring3/usb-1-4:1.0#0". */
  readonly phys: string;
  readonly ids: {
    readonly bustype: number;
    readonly vendor: number;
    readonly product: number;
    readonly version: number;
  };
  /** Keys and buttons. */
  readonly keys?: readonly number[];
  readonly axes?: readonly Axis[];
  readonly relatives?: readonly number[];
  /** INPUT_PROP_… */
  readonly properties?: readonly number[];
  readonly switches?: readonly number[];
  readonly leds?: readonly number[];
  /** Of EV_MSC, such as MSC_SCAN. The kernel tells each event of these back to whoever made it. */
  readonly misc?: readonly number[];
  /** The kernel repeats keys that are held. */
  readonly repeats?: boolean;
  /** How many effects programs may have uploaded; without any it does not rumble. The kernel's own drivers have 16 (FF_MEMLESS_EFFECTS). */
  readonly effects?: number;
}

/** Those that ff-memless takes for a device with FF_RUMBLE (input_ff_create_memless). */
const EFFECTS = [FF_RUMBLE, FF_PERIODIC, FF_SQUARE, FF_TRIANGLE, FF_SINE, FF_GAIN];

/** Throws DeviceError for what the kernel does not take; the device is not there then. */
export function setUp(calls: UinputCalls, description: InputDescription): void {
  const { name, axes = [], effects = 0 } = description;
  const ask = (what: string, request: number, argument: Uint8Array | number) =>
    check(calls.ioctl(request, argument), `make the input device ${JSON.stringify(name)}: ${what}`);
  const capable = (type: number, request: number, codes: readonly number[] = []) => {
    if (codes.length > 0) ask(`events of type ${type}`, UI_SET_EVBIT, type);
    for (const code of codes) ask(`code ${code} of type ${type}`, request, code);
  };

  ask("its place", UI_SET_PHYS, physText(description.phys));
  for (const property of description.properties ?? []) ask(`property ${property}`, UI_SET_PROPBIT, property);
  capable(EV_KEY, UI_SET_KEYBIT, description.keys);
  capable(EV_REL, UI_SET_RELBIT, description.relatives);
  capable(EV_MSC, UI_SET_MSCBIT, description.misc);
  capable(EV_SW, UI_SET_SWBIT, description.switches);
  capable(EV_LED, UI_SET_LEDBIT, description.leds);
  if (description.repeats) ask("repeats", UI_SET_EVBIT, EV_REP);
  if (axes.length > 0) ask("axes", UI_SET_EVBIT, EV_ABS);
  for (const axis of axes) ask(`axis ${axis.code}`, UI_ABS_SETUP, axisBytes(axis));
  if (effects > 0) capable(EV_FF, UI_SET_FFBIT, EFFECTS);
  ask("its name and ids", UI_DEV_SETUP, setupBytes(description));
  ask("its node", UI_DEV_CREATE, 0);
}

/** The kernel reads up to the NUL, the addon wants as many bytes as the request's number has. */
function physText(phys: string): Uint8Array {
  const text = new TextEncoder().encode(phys);
  const room = new Uint8Array(Math.max(text.length + 1, 8));
  room.set(text);
  return room;
}

function setupBytes({ name, ids, effects = 0 }: InputDescription): Uint8Array {
  const room = new Uint8Array(UINPUT_MAX_NAME_SIZE);
  new TextEncoder().encodeInto(name, room.subarray(0, -1)); // cuts between characters
  const memory = new Uint8Array(uinputSetup.size);
  uinputSetup.encode({ ...ids, name: room, ffEffectsMax: effects }, new DataView(memory.buffer), 0);
  return memory;
}

function axisBytes({ rest, ...axis }: Axis): Uint8Array {
  const memory = new Uint8Array(uinputAbsSetup.size);
  const value = rest ?? axis.minimum;
  uinputAbsSetup.encode({ ...axis, value, filler: 0 }, new DataView(memory.buffer), 0);
  return memory;
}

/** All keys up, all axes at rest, no contact anywhere. The kernel passes on only what is different. */
export function atRest({ keys = [], axes = [] }: InputDescription): InputEvent[] {
  const slots = axes.find(({ code }) => code === ABS_MT_SLOT);
  const slotNumbers = slots === undefined ? [] : Array.from({ length: slots.maximum + 1 }, (_, slot) => slot);
  return [
    ...keys.map((code) => ({ type: EV_KEY, code, value: 0 })),
    ...axes.flatMap(({ code, rest }) => (rest === null ? [] : [{ type: EV_ABS, code, value: rest }])),
    ...slotNumbers.flatMap((slot) => [
      { type: EV_ABS, code: ABS_MT_SLOT, value: slot },
      { type: EV_ABS, code: ABS_MT_TRACKING_ID, value: -1 }, // lifted (multi-touch-protocol.rst, protocol B)
    ]),
  ];
}
