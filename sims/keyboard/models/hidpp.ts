// Runs in: the keyboard sim. Owns: nothing; a Logitech mouse on its cable: a plain mouse, and beside it an interface that speaks HID++ 2.0.
// Sources, which the README names in full: Logitech's HID++ 2.0 documents; Linux's hid-logitech-hidpp; a dump of report descriptors.
import { bytes } from "../../input/descriptors.ts";
import { Hid, type ReportType } from "../../input/hid.ts";
import type { Firmware, Model, Wire } from "../../input/model.ts";
import type { Answer, Setup } from "../../usbip/endpoint-zero.ts";
import { buttonBits, fresh, type Hands, taken, Wheel } from "../hands.ts";
import { batteryVerb, circling, mouseVerbs, vocabularyOf } from "../vocabulary.ts";
import { type Feature, features, HidppError, type Mouse, UNKNOWN_FEATURE } from "./hidpp-features.ts";

const [MOUSE_IN, HIDPP_IN] = [0x81, 0x82];
const [MOUSE, HIDPP] = [0, 1]; // interfaces

const [SHORT, LONG] = [0x10, 0x11]; // report ids, of 7 and 20 bytes
const LONG_BYTES = 20;
const HEAD_BYTES = 4; // report id, device, feature, function
const WIRED = 0xff; // the device index of one that no receiver stands before
const ERROR = 0xff; // in a feature's place
const ERROR_1_0 = 0x8f; // of HID++ 1.0, for who asks for another device
const UNKNOWN_DEVICE = 0x08;

/** Of sixteen buttons five are there. */
const mouseDescriptor = bytes(`
  05 01  09 02  a1 01
    09 01  a1 00
      95 10  75 01  15 00  25 01  05 09  19 01  29 10  81 02
      95 02  75 10  16 0180  26 ff7f  05 01  09 30  09 31  81 06
      95 01  75 08  15 81  25 7f  09 38  81 06
      95 01  05 0c  0a 3802  81 06
    c0
  c0`);

/** Reports of six and of nineteen bytes, both ways. */
const hidppDescriptor = bytes(`
  06 00ff  09 01  a1 01  85 10  95 06  75 08  15 00  26 ff00  09 01  81 00  09 01  91 00  c0
  06 00ff  09 02  a1 01  85 11  95 13  75 08  15 00  26 ff00  09 02  81 00  09 02  91 00  c0`);

class HidppMouse implements Firmware<Hands> {
  readonly awake = true;
  readonly #wire: Wire;
  readonly #hid: Hid;
  readonly #mouse: Mouse;
  readonly #features: readonly Feature[];
  readonly #wheels = { wheel: new Wheel(), pan: new Wheel() };
  #last = Buffer.alloc(8);
  #asked = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#mouse = {
      hands: fresh(),
      observe: wire.observe,
      tell: (feature, event, data) => this.#send(this.#features.indexOf(feature), event << 4, data),
    };
    this.#features = features(this.#mouse);
    const plain = {
      number: MOUSE,
      reportDescriptor: mouseDescriptor,
      getReport: (type: ReportType): Answer => (type === "input" ? this.#last : undefined),
      setReport: () => false,
    };
    const hidpp = {
      number: HIDPP,
      reportDescriptor: hidppDescriptor,
      getReport: (): Answer => undefined,
      setReport: (type: ReportType, _id: number, data: Uint8Array) => type === "output" && this.#hear(data),
    };
    this.#hid = new Hid(hidppMouse.descriptors.configuration, [plain, hidpp], wire.faults);
  }

  show(hands: Hands): void {
    const { x, y, ...turned } = taken(hands);
    this.#mouse.hands = { ...hands, keys: new Set(hands.keys), buttons: new Set(hands.buttons) };
    for (const feature of this.#features) feature.show?.();
    const buttons = buttonBits(this.#mouse.hands.buttons);
    const [wheel, pan] = [this.#wheels.wheel.turn(turned.wheel), this.#wheels.pan.turn(turned.pan)];
    if (buttons === this.#last[0] && x === 0 && y === 0 && wheel === 0 && pan === 0) return;
    this.#last = Buffer.alloc(8);
    this.#last[0] = buttons;
    this.#last.writeInt16LE(x, 2);
    this.#last.writeInt16LE(y, 4);
    this.#last.writeInt8(wheel, 6);
    this.#last.writeInt8(pan, 7);
    this.#wire.report(MOUSE_IN, this.#last);
  }

  request(setup: Setup, data: Uint8Array): Answer {
    return this.#hid.request(setup, data);
  }

  out(): void {}

  /** One question; an answer is always long. */
  #hear(report: Uint8Array): boolean {
    const [id, device, index = 0, code = 0] = report;
    if ((id !== SHORT && id !== LONG) || report.length < HEAD_BYTES) return false;
    if (this.#asked++ > 0 && this.#wire.faults.has("stop-in-handshake")) return true;
    if (device !== WIRED) {
      this.#wire.send(HIDPP_IN, Uint8Array.of(SHORT, device!, ERROR_1_0, index, code, UNKNOWN_DEVICE, 0));
      return true;
    }
    const args = new Uint8Array(LONG_BYTES - HEAD_BYTES);
    args.set(report.subarray(HEAD_BYTES, LONG_BYTES));
    try {
      this.#send(index, code, this.#ask(index, code >> 4, args));
    } catch (error) {
      if (!(error instanceof HidppError)) throw error;
      this.#send(ERROR, index, [code, error.code]);
    }
    return true;
  }

  #ask(index: number, call: number, args: Uint8Array): ArrayLike<number> {
    const feature = this.#features[index];
    if (feature === undefined) throw new HidppError(UNKNOWN_FEATURE);
    return feature.ask(call, args);
  }

  #send(index: number, code: number, data: ArrayLike<number>): void {
    const report = new Uint8Array(LONG_BYTES);
    report.set([LONG, WIRED, index, code]);
    report.set(data, HEAD_BYTES);
    this.#wire.send(HIDPP_IN, report);
  }
}

export const hidppMouse: Model<Hands> = {
  descriptors: {
    speed: "full",
    device: bytes("12 01 0002 00 00 00 40 6d04 87c0 0117 01 02 03 01"),
    configuration: bytes(`
      09 02 3b00 02 01 00 a0 fa
      09 04 00 00 01 03 01 02 00
      09 21 1101 00 01 22 ${mouseDescriptor.length.toString(16)}00
      07 05 81 03 0800 01
      09 04 01 00 01 03 00 00 00
      09 21 1101 00 01 22 ${hidppDescriptor.length.toString(16)}00
      07 05 82 03 1400 01`),
    strings: ["Logitech", "G703 Wired/Wireless Gaming Mouse", "127D35581F0036"],
  },
  vocabulary: vocabularyOf({ ...mouseVerbs, ...batteryVerb }, circling),
  input: MOUSE_IN,
  handshake: true,
  intervalMs: 0,
  start: (wire) => new HidppMouse(wire),
};
