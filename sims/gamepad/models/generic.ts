// Runs in: the gamepad sim. Owns: nothing; a plain HID pad of no particular make.
// Source: HID 1.11 and HID Usage Tables 1.4; the ids are pid.codes', which sets 1209:0002 aside for tests.
import { bytes } from "../../input/descriptors.ts";
import { Hid } from "../../input/hid.ts";
import type { Firmware, Model, Wire } from "../../input/model.ts";
import type { Answer, Setup } from "../../usbip/endpoint-zero.ts";
import { bits, fresh, hatSwitch, type Pad, u8Centred } from "../state.ts";
import { vocabularyOf } from "../vocabulary.ts";

const IN = 0x81;
const NO_DIRECTION = 8; // any value out of range is no direction (HID 1.11 §6.2.2.5, null state)

const order = Array.from({ length: 12 }, (_, at) => `button-${at + 1}` as const);

/** X, Y, Z and Rz of a byte each, a hat and twelve buttons in two more. */
const reportDescriptor = bytes(`
  05 01  09 05  a1 01
    09 30  09 31  09 32  09 35  15 00  26 ff00  75 08  95 04  81 02
    09 39  15 00  25 07  35 00  46 3b01  65 14  75 04  95 01  81 42  65 00
    05 09  19 01  29 0c  15 00  25 01  75 01  95 0c  81 02
  c0`);

export function report(pad: Pad): Uint8Array {
  const [[x, y], [z, rz]] = [pad.left, pad.right];
  const last = hatSwitch(pad.hat, NO_DIRECTION) | (bits(pad, order) << 4);
  return Uint8Array.of(...[x, y, z, rz].map(u8Centred), last & 0xff, last >> 8);
}

class Generic implements Firmware<Pad> {
  readonly awake = true;
  readonly #wire: Wire;
  readonly #hid: Hid;
  #last = report(fresh());

  constructor(wire: Wire) {
    this.#wire = wire;
    const getReport = (type: string): Answer => (type === "input" ? this.#last : undefined);
    const hid = { number: 0, reportDescriptor, getReport, setReport: () => false };
    this.#hid = new Hid(generic.descriptors.configuration, [hid], wire.faults);
  }

  show(pad: Pad): void {
    this.#last = report(pad);
    this.#wire.report(IN, this.#last);
  }

  request(setup: Setup, data: Uint8Array): Answer {
    return this.#hid.request(setup, data);
  }

  out(): void {}
}

export const generic: Model<Pad> = {
  descriptors: {
    speed: "full",
    device: bytes("12 01 0002 00 00 00 40 0912 0200 0001 01 02 00 01"),
    configuration: bytes(`
      09 02 2200 01 01 00 80 32
      09 04 00 00 01 03 00 00 00
      09 21 1101 00 01 22 ${reportDescriptor.length.toString(16)}00
      07 05 81 03 0800 0a`),
    strings: ["ring3", "Simulated Gamepad"],
  },
  vocabulary: vocabularyOf({ buttons: order, triggers: false }),
  input: IN,
  handshake: false,
  intervalMs: 0,
  start: (wire) => new Generic(wire),
};
