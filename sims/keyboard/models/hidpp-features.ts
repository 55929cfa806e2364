// Runs in: the keyboard sim. Owns: what a HID++ mouse can be asked and told, a feature at a time: battery, resolution, buttons.
// Source: Logitech's HID++ 2.0 documents of each feature; drivers/hid/hid-logitech-hidpp.c. Numbers are big-endian.
import type { Hands } from "../hands.ts";
import type { MouseButton } from "../keys.ts";

// Errors, HID++ 2.0 §"Error codes".
const OUT_OF_RANGE = 0x03;
export const UNKNOWN_FEATURE = 0x06; // invalid feature index
const UNKNOWN_FUNCTION = 0x07; // invalid function id

/** What a question is answered with instead. */
export class HidppError extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`HID++ error ${code}`);
    this.code = code;
  }
}

/** The mouse that the features are of. */
export interface Mouse {
  /** What hands do at present; features take away what they tell in another way. */
  hands: Hands;
  observe(observed: string, details: object): void;
  /** An event of a feature, which nobody has asked for. */
  tell(feature: Feature, event: number, data: ArrayLike<number>): void;
}

export interface Feature {
  readonly id: number;
  /** The answer to function `call`; throws HidppError. */
  ask(call: number, args: Uint8Array): ArrayLike<number>;
  /** Hands have done something. */
  show?(): void;
}

/** All of a mouse's features, each at its index. */
export function features(mouse: Mouse): Feature[] {
  const all: Feature[] = [];
  all.push(root(all), featureSet(all), deviceName, battery(mouse), resolution(mouse), controls(mouse));
  return all;
}

const word = (value: number): [number, number] => [value >> 8, value & 0xff];
const wordAt = (args: Uint8Array, at: number) => (args[at]! << 8) | args[at + 1]!;

function unknown(): never {
  throw new HidppError(UNKNOWN_FUNCTION);
}

const [MAJOR, MINOR] = [4, 2]; // of the protocol

/** 0000h: at which index a feature is, and which protocol this is. */
function root(all: readonly Feature[]): Feature {
  return {
    id: 0x0000,
    ask(call, args) {
      switch (call) {
        case 0: // not there: index 0, which is the root's own
          return [
            Math.max(
              0,
              all.findIndex(({ id }) => id === wordAt(args, 0)),
            ),
            0,
            0,
          ];
        case 1:
          return [MAJOR, MINOR, args[2]!];
        default:
          return unknown();
      }
    },
  };
}

/** 0001h: all features but the root. */
function featureSet(all: readonly Feature[]): Feature {
  return {
    id: 0x0001,
    ask(call, [index = 0]) {
      if (call === 0) return [all.length - 1];
      if (call !== 1) return unknown();
      const feature = all[index];
      if (feature === undefined) throw new HidppError(OUT_OF_RANGE);
      return [...word(feature.id), 0, 0];
    },
  };
}

const NAME = Buffer.from("G703 Wired/Wireless Gaming Mouse");
const CHUNK = 16;
const TYPE_MOUSE = 3;

/** 0005h. */
const deviceName: Feature = {
  id: 0x0005,
  ask(call, [from = 0]) {
    switch (call) {
      case 0:
        return [NAME.length];
      case 1:
        if (from >= NAME.length) throw new HidppError(OUT_OF_RANGE);
        return NAME.subarray(from, from + CHUNK);
      case 2:
        return [TYPE_MOUSE];
      default:
        return unknown();
    }
  },
};

const ALL_LEVELS = 0x0f; // critical, low, good, full
const RECHARGEABLE_IN_PERCENT = 0x03;
const [DISCHARGING, CHARGING, CHARGED] = [0, 1, 3];

/** 1004h, unified battery. */
function battery(mouse: Mouse): Feature {
  const status = () => {
    const { battery: percent, charging } = mouse.hands;
    const level = percent > 80 ? 8 : percent > 30 ? 4 : percent > 10 ? 2 : 1; // a bit of ALL_LEVELS
    const state = charging ? (percent === 100 ? CHARGED : CHARGING) : DISCHARGING;
    return [percent, level, state, charging ? 1 : 0];
  };
  let told = status().join();
  const feature: Feature = {
    id: 0x1004,
    ask(call) {
      if (call === 0) return [ALL_LEVELS, RECHARGEABLE_IN_PERCENT];
      return call === 1 ? status() : unknown();
    },
    show() {
      const now = status();
      if (now.join() === told) return;
      told = now.join();
      mouse.tell(feature, 0, now);
    },
  };
  return feature;
}

const [LEAST_DPI, MOST_DPI, DPI_STEP, DEFAULT_DPI] = [100, 12_000, 50, 800];
const STEP_MARK = 0xe000; // above numbers that are a step and no resolution

/** 2201h, adjustable DPI: one sensor. */
function resolution(mouse: Mouse): Feature {
  let dpi = DEFAULT_DPI;
  return {
    id: 0x2201,
    ask(call, args) {
      if (call > 0 && args[0] !== 0) throw new HidppError(OUT_OF_RANGE);
      switch (call) {
        case 0:
          return [1];
        case 1:
          return [0, ...[LEAST_DPI, STEP_MARK | DPI_STEP, MOST_DPI, 0].flatMap(word)];
        case 2:
          return [0, ...word(dpi), ...word(DEFAULT_DPI)];
        case 3: {
          const wanted = wordAt(args, 1);
          if (wanted < LEAST_DPI || wanted > MOST_DPI || wanted % DPI_STEP !== 0)
            throw new HidppError(OUT_OF_RANGE);
          dpi = wanted;
          mouse.observe("dpi", { dpi });
          return [0, ...word(dpi)];
        }
        default:
          return unknown();
      }
    },
  };
}

/** Control ids, with the task that each has. */
const buttons: readonly { readonly button: MouseButton; readonly cid: number; readonly tid: number }[] = [
  { button: "left", cid: 0x50, tid: 0x38 },
  { button: "right", cid: 0x51, tid: 0x39 },
  { button: "middle", cid: 0x52, tid: 0x3a },
  { button: "side", cid: 0x53, tid: 0x3c },
  { button: "extra", cid: 0x56, tid: 0x3e },
];
const MOUSE_BUTTON_DIVERTABLE = 0x31; // a mouse's button, can be reprogrammed, can be diverted
const [DIVERT, DIVERT_VALID] = [0x01, 0x02];
const EVENT_BUTTONS = 4;

/** 1b04h, reprogrammable controls: a button that is diverted is told here, and not by the mouse. */
function controls(mouse: Mouse): Feature {
  const diverted = new Set<MouseButton>();
  let told = "";
  const of = (cid: number) => {
    const found = buttons.find((each) => each.cid === cid);
    if (found === undefined) throw new HidppError(OUT_OF_RANGE);
    return found;
  };
  const feature: Feature = {
    id: 0x1b04,
    ask(call, args) {
      switch (call) {
        case 0:
          return [buttons.length];
        case 1: {
          const found = buttons[args[0]!];
          if (found === undefined) throw new HidppError(OUT_OF_RANGE);
          return [...word(found.cid), ...word(found.tid), MOUSE_BUTTON_DIVERTABLE, 0, 1, 1];
        }
        case 2: {
          const { cid, button } = of(wordAt(args, 0));
          return [...word(cid), diverted.has(button) ? DIVERT : 0, ...word(cid)];
        }
        case 3: {
          const { cid, button } = of(wordAt(args, 0));
          const flags = args[2]!;
          if ((flags & DIVERT_VALID) !== 0) {
            const on = (flags & DIVERT) !== 0;
            if (on) diverted.add(button);
            else diverted.delete(button);
            mouse.observe("divert", { control: cid, on });
          }
          return args;
        }
        default:
          return unknown();
      }
    },
    show() {
      const pressed = buttons.filter(
        ({ button }) => diverted.has(button) && mouse.hands.buttons.delete(button),
      );
      const cids = pressed.slice(0, EVENT_BUTTONS).flatMap(({ cid }) => word(cid));
      if (cids.join() === told) return;
      told = cids.join();
      mouse.tell(feature, 0, cids);
    },
  };
  return feature;
}
