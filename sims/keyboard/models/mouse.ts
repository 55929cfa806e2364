// Runs in: the keyboard sim. Owns: nothing; a mouse of five buttons, whose two wheels tell parts of a notch to who asks for it.
// Source: HID 1.11 appendix B.2; HID Usage Tables 1.4 §4.3.1 (Resolution Multiplier); the ids are pid.codes' 1209:0004.
import { bytes } from "../../input/descriptors.ts";
import { Hid, type ReportType } from "../../input/hid.ts";
import type { Firmware, Model, Wire } from "../../input/model.ts";
import type { Answer, Setup } from "../../usbip/endpoint-zero.ts";
import { buttonBits, type Hands, PARTS, taken, Wheel } from "../hands.ts";
import { circling, mouseVerbs, vocabularyOf } from "../vocabulary.ts";

const IN = 0x81;
const [WHEEL_MULTIPLIER, PAN_MULTIPLIER] = [0x03, 0x0c]; // of the feature report
const BOOT_PROTOCOL = 0; // HID 1.11 §7.2.5

/** Buttons, X and Y of 16 bits, and the wheels, each below a multiplier of two bits in the feature report. */
const reportDescriptor = bytes(`
  05 01  09 02  a1 01
    09 01  a1 00
      05 09  19 01  29 05  15 00  25 01  75 01  95 05  81 02  75 03  95 01  81 03
      05 01  09 30  09 31  16 0180  26 ff7f  75 10  95 02  81 06
      a1 02
        09 48  15 00  25 01  35 01  45 0${PARTS}  75 02  95 01  b1 02
        09 38  15 81  25 7f  35 00  45 00  75 08  81 06
      c0
      a1 02
        09 48  15 00  25 01  35 01  45 0${PARTS}  75 02  b1 02
        35 00  45 00  75 04  b1 03
        05 0c  0a 3802  15 81  25 7f  75 08  81 06
      c0
    c0
  c0`);

class Mouse implements Firmware<Hands> {
  readonly awake = true;
  readonly #wire: Wire;
  readonly #hid: Hid;
  #last = Buffer.alloc(7);
  #multipliers = 0;
  readonly #wheel = new Wheel();
  readonly #pan = new Wheel();

  constructor(wire: Wire) {
    this.#wire = wire;
    const mouseInterface = {
      number: 0,
      reportDescriptor,
      getReport: (type: ReportType): Answer =>
        type === "input" ? this.#last : type === "feature" ? Uint8Array.of(this.#multipliers) : undefined,
      setReport: (type: ReportType, _id: number, data: Uint8Array) =>
        type === "feature" && this.#multiply(data),
    };
    this.#hid = new Hid(mouse.descriptors.configuration, [mouseInterface], wire.faults);
  }

  show(hands: Hands): void {
    const { x, y, ...turned } = taken(hands);
    const buttons = buttonBits(hands.buttons);
    const wheel = this.#wheel.turn(turned.wheel, (this.#multipliers & WHEEL_MULTIPLIER) !== 0);
    const pan = this.#pan.turn(turned.pan, (this.#multipliers & PAN_MULTIPLIER) !== 0);
    if (buttons === this.#last[0] && x === 0 && y === 0 && wheel === 0 && pan === 0) return;
    this.#last = Buffer.alloc(7);
    this.#last[0] = buttons;
    this.#last.writeInt16LE(x, 1);
    this.#last.writeInt16LE(y, 3);
    this.#last.writeInt8(wheel, 5);
    this.#last.writeInt8(pan, 6);
    this.#wire.report(IN, this.#hid.protocol(0) === BOOT_PROTOCOL ? boot(buttons, x, y) : this.#last);
  }

  request(setup: Setup, data: Uint8Array): Answer {
    return this.#hid.request(setup, data);
  }

  out(): void {}

  #multiply([mask]: Uint8Array): boolean {
    if (mask === undefined) return false;
    this.#multipliers = mask;
    const times = (bits: number) => ((mask & bits) === 0 ? 1 : PARTS);
    this.#wire.observe("resolution-multiplier", {
      wheel: times(WHEEL_MULTIPLIER),
      pan: times(PAN_MULTIPLIER),
    });
    return true;
  }
}

/** HID 1.11 appendix B.2: three buttons, eight bits of movement. */
function boot(buttons: number, x: number, y: number): Uint8Array {
  const clamped = (value: number) => Math.max(-127, Math.min(127, value));
  return Uint8Array.from(Int8Array.of(buttons & 7, clamped(x), clamped(y)));
}

export const mouse: Model<Hands> = {
  descriptors: {
    speed: "full",
    device: bytes("12 01 0002 00 00 00 08 0912 0400 0001 01 02 00 01"),
    configuration: bytes(`
      09 02 2200 01 01 00 a0 32
      09 04 00 00 01 03 01 02 00
      09 21 1101 00 01 22 ${reportDescriptor.length.toString(16)}00
      07 05 81 03 0800 01`),
    strings: ["ring3", "Simulated Mouse"],
  },
  vocabulary: vocabularyOf(mouseVerbs, circling),
  input: IN,
  handshake: false,
  intervalMs: 0,
  start: (wire) => new Mouse(wire),
};
