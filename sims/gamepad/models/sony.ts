// Runs in: the gamepad sim. Owns: nothing; what Sony's controllers have in common: a HID interface beside three of sound, reports at a
// steady pace, sensors that are calibrated by a feature report.
import type { Descriptors } from "../../input/descriptors.ts";
import { Hid, type ReportType } from "../../input/hid.ts";
import type { Firmware, Model, Wire } from "../../input/model.ts";
import { type Answer, type Setup, silence } from "../../usbip/endpoint-zero.ts";
import { bits, type Finger, fresh, hatSwitch, type Pad } from "../state.ts";
import { vocabularyOf } from "../vocabulary.ts";

const IN = 0x84;
const OUT = 0x03;
const HID_INTERFACE = 3;
export const REPORT_BYTES = 64;
const NO_DIRECTION = 8;
const PACE_MS = 4;
const GRAVITY = [0, 1, 0] as const;
const TOUCH_UP = 0x80; // DS_TOUCH_POINT_INACTIVE, drivers/hid/hid-playstation.c

/** Bits behind the four of the hat. */
const order = [
  ...(["west", "south", "east", "north", "left-shoulder", "right-shoulder"] as const),
  ...(["left-trigger", "right-trigger", "select", "start", "left-stick", "right-stick"] as const),
  ...(["mode", "touchpad", "mute"] as const),
];
const [LEFT_TRIGGER, RIGHT_TRIGGER] = [1 << 6, 1 << 7]; // pressed as soon as they are pulled

export interface SonySpec {
  readonly descriptors: Descriptors;
  readonly reportDescriptor: Uint8Array;
  readonly hasMute: boolean;
  /** What each feature report says, its id in front. */
  readonly features: ReadonlyMap<number, Uint8Array>;
  /** The feature report that a device which stops in its handshake does not give any more. */
  readonly stopsAt: number;
  readonly outputId: number;
  /** Report 01h; `count` counts reports, and `clockUs` their time. */
  report(pad: Pad, count: number, clockUs: number): Uint8Array;
  /** What an output report, its id in front, has told the device. */
  output(report: Uint8Array): Iterable<readonly [observed: string, details: object]>;
}

export function sonyModel(spec: SonySpec): Model<Pad> {
  const buttons = spec.hasMute ? order : order.filter((button) => button !== "mute");
  return {
    descriptors: spec.descriptors,
    vocabulary: vocabularyOf({ buttons, triggers: true, gravity: GRAVITY, touch: true, battery: true }),
    input: IN,
    handshake: true,
    intervalMs: PACE_MS,
    start: (wire) => new SonyPad(spec, wire),
  };
}

class SonyPad implements Firmware<Pad> {
  readonly awake = true;
  readonly #spec: SonySpec;
  readonly #wire: Wire;
  readonly #hid: Hid;
  #pad = fresh(GRAVITY);
  #count = 0;
  #last: Uint8Array = new Uint8Array(0);

  constructor(spec: SonySpec, wire: Wire) {
    this.#spec = spec;
    this.#wire = wire;
    const hid = {
      number: HID_INTERFACE,
      reportDescriptor: spec.reportDescriptor,
      getReport: (type: ReportType, id: number) => this.#getReport(type, id),
      setReport: (type: ReportType, id: number, data: Uint8Array) =>
        type === "output" && id === spec.outputId && this.#output(data),
    };
    this.#hid = new Hid(spec.descriptors.configuration, [hid], wire.faults);
    this.#next();
    if (wire.intervalMs > 0)
      wire.every(wire.intervalMs, () => wire.idle(IN) && wire.report(IN, this.#next()));
  }

  show(pad: Pad): void {
    this.#pad = pad;
    this.#wire.report(IN, this.#next());
  }

  request(setup: Setup, data: Uint8Array): Answer {
    return this.#hid.request(setup, data);
  }

  out(address: number, data: Uint8Array): void {
    if (address === OUT) this.#output(data);
  }

  #next(): Uint8Array {
    const count = this.#count++;
    this.#last = this.#spec.report(this.#pad, count, count * (this.#wire.intervalMs || PACE_MS) * 1000);
    return this.#last;
  }

  #getReport(type: ReportType, id: number): Answer {
    if (type === "input") return this.#last;
    if (type !== "feature") return undefined;
    if (id === this.#spec.stopsAt && this.#wire.faults.has("stop-in-handshake")) return silence;
    return this.#spec.features.get(id);
  }

  #output(data: Uint8Array): boolean {
    if (data[0] !== this.#spec.outputId) return false;
    for (const [observed, details] of this.#spec.output(data)) this.#wire.observe(observed, details);
    return true;
  }
}

/** Three bytes: the hat, then a bit for each button. */
export function buttonField(pad: Pad): number {
  const pulled = (pad.leftTrigger > 0 ? LEFT_TRIGGER : 0) | (pad.rightTrigger > 0 ? RIGHT_TRIGGER : 0);
  return hatSwitch(pad.hat, NO_DIRECTION) | ((bits(pad, order) | pulled) << 4);
}

/** A finger's four bytes: number, and twelve bits each of x and y. */
export function touchPoint(finger: Finger | undefined, width: number, height: number): number[] {
  if (finger === undefined) return [TOUCH_UP, 0, 0, 0];
  const [x, y] = [Math.round(finger.x * (width - 1)), Math.round(finger.y * (height - 1))];
  return [finger.id & 0x7f, x & 0xff, (x >> 8) | ((y & 0x0f) << 4), y >> 4];
}

/** What the sensors of one device tell at two known rates: of a turn each way, of lying on each side. */
export interface Calibration {
  /** Degrees a second at which it was turned. */
  readonly speed: number;
  readonly gyro: readonly (readonly [plus: number, minus: number])[];
  /** At 1 g and at -1 g. */
  readonly accel: readonly (readonly [plus: number, minus: number])[];
}

/** The report that a host reads calibration from: biases, gyro, speeds, accelerometer (drivers/hid/hid-playstation.c). */
export function calibrationReport(
  id: number,
  bytes: number,
  { speed, gyro, accel }: Calibration,
): Uint8Array {
  const report = Buffer.alloc(bytes);
  report[0] = id;
  const values = [0, 0, 0, ...gyro.flat(), speed, speed, ...accel.flat()];
  for (const [at, value] of values.entries()) report.writeInt16LE(value, 1 + 2 * at);
  return report;
}

/** Six numbers of 16 bits, as the sensors tell degrees a second and g before anybody has calibrated them. */
export function sensors({ gyro, accel }: Pad, calibration: Calibration): number[] {
  const turned = gyro.map((degrees, axis) => {
    const [plus, minus] = calibration.gyro[axis]!;
    return (degrees * (plus - minus)) / (2 * calibration.speed);
  });
  const drawn = accel.map((g, axis) => {
    const [plus, minus] = calibration.accel[axis]!;
    return (g * (plus - minus) + plus + minus) / 2;
  });
  return [...turned, ...drawn].map((raw) => Math.max(-32768, Math.min(32767, Math.round(raw))));
}
