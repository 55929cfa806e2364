// Runs in: the keyboard sim. Owns: nothing; a keyboard that tells every key at once, and media keys, beside a boot keyboard for who wants that.
// Source: HID 1.11 and HID Usage Tables 1.4; that it is two interfaces, of which one is silent, is how QMK's keyboards do it. The ids are
// pid.codes' 1209:0005.
import { bytes } from "../../input/descriptors.ts";
import { Hid, type ReportType } from "../../input/hid.ts";
import type { Firmware, Model, Wire } from "../../input/model.ts";
import type { Answer, Setup } from "../../usbip/endpoint-zero.ts";
import { bootKeyboard, fresh, type Hands, modifiers } from "../hands.ts";
import { keyVerb, typing, vocabularyOf } from "../vocabulary.ts";
import { bootDescriptor } from "./keyboard.ts";

const [BOOT, ALL] = [0, 1]; // interfaces
const [BOOT_IN, ALL_IN] = [0x81, 0x82];
const [KEYS, MEDIA] = [1, 2]; // report ids
const [FIRST_KEY, LAST_KEY] = [0x04, 0x73];
const KEY_BYTES = (LAST_KEY - FIRST_KEY + 1) / 8;
const BOOT_PROTOCOL = 0;

/** Modifiers, a bit for each key, five lights the other way; and a media key by its number. */
const reportDescriptor = bytes(`
  05 01  09 06  a1 01  85 0${KEYS}
    05 07  19 e0  29 e7  15 00  25 01  75 01  95 08  81 02
    19 0${FIRST_KEY}  29 ${LAST_KEY.toString(16)}  95 ${(8 * KEY_BYTES).toString(16)}  81 02
    05 08  19 01  29 05  95 05  91 02  75 03  95 01  91 01
  c0
  05 0c  09 01  a1 01  85 0${MEDIA}
    19 00  2a 3c02  15 00  26 3c02  75 10  95 01  81 00
  c0`);

export function keysReport({ keys }: Hands): Uint8Array {
  const report = new Uint8Array(2 + KEY_BYTES);
  report.set([KEYS, modifiers(keys)]);
  for (const key of keys) {
    const bit = key - FIRST_KEY;
    if (key <= LAST_KEY) report[2 + (bit >> 3)]! |= 1 << (bit & 7);
  }
  return report;
}

/** The media key that was pressed last. */
export function mediaReport({ media }: Hands): Uint8Array {
  const usage = [...media].at(-1) ?? 0;
  return Uint8Array.of(MEDIA, usage & 0xff, usage >> 8);
}

class Nkro implements Firmware<Hands> {
  readonly awake = true;
  readonly #wire: Wire;
  readonly #hid: Hid;
  #boot = bootKeyboard(fresh());
  #keys = keysReport(fresh());
  #media = mediaReport(fresh());
  #lights = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
    const boot = {
      number: BOOT,
      reportDescriptor: bootDescriptor,
      getReport: (type: ReportType): Answer => this.#getReport(type, 0),
      setReport: (type: ReportType, _id: number, data: Uint8Array) =>
        type === "output" && this.#light(data[0]),
    };
    const all = {
      number: ALL,
      reportDescriptor,
      getReport: (type: ReportType, id: number): Answer => this.#getReport(type, id),
      setReport: (type: ReportType, id: number, data: Uint8Array) =>
        type === "output" && id === KEYS && this.#light(data[1]),
    };
    this.#hid = new Hid(nkro.descriptors.configuration, [boot, all], wire.faults);
  }

  show(hands: Hands): void {
    const inBoot = this.#hid.protocol(BOOT) === BOOT_PROTOCOL;
    const [boot, keys, media] = [bootKeyboard(hands), keysReport(hands), mediaReport(hands)];
    if (inBoot && differ(boot, this.#boot)) this.#wire.report(BOOT_IN, boot);
    if (!inBoot && differ(keys, this.#keys)) this.#wire.report(ALL_IN, keys);
    if (differ(media, this.#media)) this.#wire.report(ALL_IN, media);
    [this.#boot, this.#keys, this.#media] = [boot, keys, media];
  }

  request(setup: Setup, data: Uint8Array): Answer {
    return this.#hid.request(setup, data);
  }

  out(): void {}

  #getReport(type: ReportType, id: number): Answer {
    if (type === "output" && id !== MEDIA) return Uint8Array.of(...(id === 0 ? [] : [id]), this.#lights);
    if (type !== "input") return undefined;
    return [this.#boot, this.#keys, this.#media][id];
  }

  #light(mask: number | undefined): boolean {
    if (mask === undefined) return false;
    this.#lights = mask;
    this.#wire.observe("leds", { mask });
    return true;
  }
}

function differ(now: Uint8Array, before: Uint8Array): boolean {
  return Buffer.compare(now, before) !== 0;
}

export const nkro: Model<Hands> = {
  descriptors: {
    speed: "full",
    device: bytes("12 01 0002 00 00 00 08 0912 0500 0001 01 02 00 01"),
    configuration: bytes(`
      09 02 3b00 02 01 00 a0 fa
      09 04 00 00 01 03 01 01 00
      09 21 1101 00 01 22 ${bootDescriptor.length.toString(16)}00
      07 05 81 03 0800 01
      09 04 01 00 01 03 00 00 00
      09 21 1101 00 01 22 ${reportDescriptor.length.toString(16)}00
      07 05 82 03 2000 01`),
    strings: ["ring3", "Simulated NKRO Keyboard"],
  },
  vocabulary: vocabularyOf({ key: keyVerb(LAST_KEY, true) }, typing),
  input: ALL_IN,
  handshake: false,
  intervalMs: 0,
  start: (wire) => new Nkro(wire),
};
