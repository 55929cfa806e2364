// Runs in: the keyboard sim. Owns: nothing; the keyboard that the HID specification has as its example.
// Source: HID 1.11 appendices B.1 and E; the ids are pid.codes', which sets 1209:0003 aside for tests.
import { bytes } from "../../input/descriptors.ts";
import { Hid, type ReportType } from "../../input/hid.ts";
import type { Firmware, Model, Wire } from "../../input/model.ts";
import type { Answer, Setup } from "../../usbip/endpoint-zero.ts";
import { bootKeyboard, fresh, type Hands } from "../hands.ts";
import { keyVerb, typing, vocabularyOf } from "../vocabulary.ts";

const IN = 0x81;
const LAST_KEY = 0x65;

/** Modifiers, a byte that says nothing, five lights the other way, six keys. */
export const bootDescriptor = bytes(`
  05 01  09 06  a1 01
    05 07  19 e0  29 e7  15 00  25 01  75 01  95 08  81 02
    95 01  75 08  81 01
    95 05  75 01  05 08  19 01  29 05  91 02  95 01  75 03  91 01
    95 06  75 08  15 00  25 ${LAST_KEY.toString(16)}  05 07  19 00  29 ${LAST_KEY.toString(16)}  81 00
  c0`);

class Keyboard implements Firmware<Hands> {
  readonly awake = true;
  readonly #wire: Wire;
  readonly #hid: Hid;
  #last = bootKeyboard(fresh());
  #lights = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
    const keyboardInterface = {
      number: 0,
      reportDescriptor: bootDescriptor,
      getReport: (type: ReportType): Answer =>
        type === "input" ? this.#last : type === "output" ? Uint8Array.of(this.#lights) : undefined,
      setReport: (type: ReportType, _id: number, data: Uint8Array) => type === "output" && this.#light(data),
    };
    this.#hid = new Hid(keyboard.descriptors.configuration, [keyboardInterface], wire.faults);
  }

  show(hands: Hands): void {
    const report = bootKeyboard(hands);
    if (Buffer.compare(report, this.#last) === 0) return;
    this.#last = report;
    this.#wire.report(IN, report);
  }

  request(setup: Setup, data: Uint8Array): Answer {
    return this.#hid.request(setup, data);
  }

  out(): void {}

  #light([mask]: Uint8Array): boolean {
    if (mask === undefined) return false;
    this.#lights = mask;
    this.#wire.observe("leds", { mask });
    return true;
  }
}

export const keyboard: Model<Hands> = {
  descriptors: {
    speed: "low",
    device: bytes("12 01 0002 00 00 00 08 0912 0300 0001 01 02 00 01"),
    configuration: bytes(`
      09 02 2200 01 01 00 a0 32
      09 04 00 00 01 03 01 01 00
      09 21 1101 00 01 22 ${bootDescriptor.length.toString(16)}00
      07 05 81 03 0800 0a`),
    strings: ["ring3", "Simulated Keyboard"],
  },
  vocabulary: vocabularyOf({ key: keyVerb(LAST_KEY, false) }, typing),
  input: IN,
  handshake: false,
  intervalMs: 0,
  start: (wire) => new Keyboard(wire),
};
