// Runs in: the gamepad sim. Owns: nothing; Nintendo's Switch Pro Controller, wired: silent until its handshake is done.
// Sources, which the README names in full: a dump of its descriptors; dekuNukem's notes; Linux's hid-nintendo.
import { bytes } from "../../input/descriptors.ts";
import { Hid, type ReportType } from "../../input/hid.ts";
import type { Firmware, Model, Wire } from "../../input/model.ts";
import type { Answer, Setup } from "../../usbip/endpoint-zero.ts";
import { type Button, bits, fresh, type Pad } from "../state.ts";
import { vocabularyOf } from "../vocabulary.ts";
import { leftStick, packed, readFlash, rightStick, sensorOffsets, sensorScales } from "./switch-flash.ts";
import { NEUTRAL, rumbleOf } from "./switch-rumble.ts";

const IN = 0x81;
const REPORT_BYTES = 64;
const PACE_MS = 15;
const TICK_MS = 5; // of the counter in its reports
const GRAVITY = [0, 0, 1] as const;
const SAMPLES = 3; // of the sensors in a report

const [OUT_COMMAND, OUT_RUMBLE, OUT_USB] = [0x01, 0x10, 0x80];
const [IN_REPLY, IN_FULL, IN_USB] = [0x21, 0x30, 0x81];

const usb = { status: 0x01, handshake: 0x02, baudRate: 0x03, noTimeout: 0x04, timeout: 0x05 } as const;
const subcommand = {
  deviceInfo: 0x02,
  readFlash: 0x10,
  playerLights: 0x30,
  homeLight: 0x38,
  sensors: 0x40,
  vibration: 0x48,
  voltage: 0x50,
} as const;
const questions: readonly number[] = [subcommand.deviceInfo, subcommand.readFlash, subcommand.voltage];
const MAX_FLASH_BYTES = 0x1d;

const PRO_CONTROLLER = 3;
const address = [0x98, 0xb6, 0xe9, 0x54, 0x85, 0x38];
const USB_POWERED = 1;

/** Bits of three bytes: right hand, both, left hand. */
const order: readonly (Button | undefined)[] = [
  ...(["west", "north", "south", "east", undefined, undefined, "right-shoulder", "right-trigger"] as const),
  ...(["select", "start", "right-stick", "left-stick", "mode", "capture", undefined, undefined] as const),
  ...([undefined, undefined, undefined, undefined, undefined, undefined] as const),
  ...(["left-shoulder", "left-trigger"] as const),
];

/** What every report begins with, behind its id: a counter, power, buttons and sticks. */
export function head(pad: Pad, timer: number): number[] {
  const [x, y] = pad.hat;
  const hat = (y > 0 ? 1 : 0) | (y < 0 ? 2 : 0) | (x > 0 ? 4 : 0) | (x < 0 ? 8 : 0);
  const buttons = bits(pad, order) | (hat << 16);
  const power = (Math.round(pad.battery / 25) << 5) | (pad.charging ? 0x10 : 0) | USB_POWERED;
  const stick = ([x, y]: Pad["left"], [alongX, alongY]: typeof leftStick) =>
    packed(bent(x, alongX), bent(-y, alongY)); // up is more
  const bytes = [timer & 0xff, power, buttons & 0xff, (buttons >> 8) & 0xff, buttons >> 16];
  return [...bytes, ...stick(pad.left, leftStick), ...stick(pad.right, rightStick), 0];
}

function bent(value: number, { centre, above, below }: (typeof leftStick)[0]): number {
  return Math.round(centre + value * (value < 0 ? below : above));
}

/** 4 g and 936 degrees a second are what the scales in its flash are of. */
export function sample({ accel, gyro }: Pad): Int16Array {
  const raw = (kind: "accel" | "gyro", values: readonly number[], full: number) =>
    values.map((value, axis) => {
      const offset = sensorOffsets[kind][axis]!;
      return Math.round(offset + (value / full) * (sensorScales[kind][axis]! - offset));
    });
  return Int16Array.from([...raw("accel", accel, 4), ...raw("gyro", gyro, 936)]);
}

class SwitchPro implements Firmware<Pad> {
  awake = false;
  readonly #wire: Wire;
  readonly #hid: Hid;
  #pad = fresh(GRAVITY);
  #timer = 0;
  #handshakes = 0;
  #sensors = false;
  #rumble = NEUTRAL;

  constructor(wire: Wire) {
    this.#wire = wire;
    const hid = {
      number: 0,
      reportDescriptor,
      getReport: (): Answer => undefined,
      setReport: (type: ReportType, _id: number, data: Uint8Array) => type === "output" && this.#output(data),
    };
    this.#hid = new Hid(switchPro.descriptors.configuration, [hid], wire.faults);
    if (wire.intervalMs > 0) wire.every(wire.intervalMs, () => this.awake && wire.idle(IN) && this.#report());
  }

  show(pad: Pad): void {
    this.#pad = pad;
    if (this.awake) this.#report();
  }

  request(setup: Setup, data: Uint8Array): Answer {
    return this.#hid.request(setup, data);
  }

  out(_address: number, data: Uint8Array): void {
    this.#output(data);
  }

  #report(): void {
    const out = Buffer.alloc(REPORT_BYTES);
    out.set([IN_FULL, ...this.#head()]);
    const one = new Uint8Array(sample(this.#pad).buffer);
    for (let at = 0; this.#sensors && at < SAMPLES; at++) out.set(one, 13 + at * one.length);
    this.#wire.report(IN, out);
  }

  #head(): number[] {
    this.#timer += (this.#wire.intervalMs || PACE_MS) / TICK_MS;
    return head(this.#pad, this.#timer);
  }

  #output(data: Uint8Array): boolean {
    switch (data[0]) {
      case OUT_USB:
        this.#usb(data[1]);
        return true;
      case OUT_RUMBLE:
      case OUT_COMMAND:
        this.#vibrate(data.subarray(2, 10));
        if (data[0] === OUT_COMMAND && this.#handshakes > 0 && data[10] !== undefined)
          this.#command(data[10], data.subarray(11));
        return true;
      default:
        return false;
    }
  }

  #usb(code: number | undefined): void {
    if (code !== usb.handshake && this.#wire.faults.has("stop-in-handshake")) return;
    switch (code) {
      case usb.status:
        this.#send([IN_USB, code, 0, PRO_CONTROLLER, ...address.toReversed()]);
        return;
      case usb.handshake:
        this.#handshakes++;
        this.#send([IN_USB, code]);
        return;
      case usb.baudRate:
        if (!this.#wire.faults.has("no-baud-rate")) this.#send([IN_USB, code]);
        return;
      case usb.noTimeout: // not answered: from now on it reports
        this.awake = this.#handshakes > 0;
        return;
      case usb.timeout:
        this.awake = false;
        return;
    }
  }

  #command(code: number, args: Uint8Array): void {
    if (this.#wire.faults.has("nack") && !questions.includes(code)) {
      this.#reply(0, code, []);
      return;
    }
    switch (code) {
      case subcommand.deviceInfo: // firmware 4.33, colours in its flash
        this.#reply(0x82, code, [0x04, 0x21, PRO_CONTROLLER, 0x02, ...address, 0x01, 0x01]);
        return;
      case subcommand.readFlash: {
        const [from, length] = [Buffer.from(args).readUInt32LE(0), Math.min(args[4] ?? 0, MAX_FLASH_BYTES)];
        this.#reply(0x90, code, [...args.subarray(0, 4), length, ...readFlash(from, length)]);
        return;
      }
      case subcommand.voltage: // in 2.5 mV
        this.#reply(0xd0, code, [0x18, 0x06]);
        return;
      case subcommand.playerLights:
        this.#wire.observe("player", { lights: args[0] });
        break;
      case subcommand.homeLight:
        this.#wire.observe("home-light", { pattern: Buffer.from(args.subarray(0, 4)).toString("hex") });
        break;
      case subcommand.sensors:
        this.#sensors = args[0] === 1;
        this.#wire.observe("sensors", { on: args[0] });
        break;
      case subcommand.vibration:
        this.#wire.observe("vibration", { on: args[0] });
        break;
    }
    this.#reply(0x80, code, []); // it says so to what it does not know too
  }

  #reply(acknowledged: number, code: number, data: readonly number[]): void {
    this.#send([IN_REPLY, ...this.#head(), acknowledged, code, ...data]);
  }

  #send(message: readonly number[]): void {
    const out = new Uint8Array(REPORT_BYTES);
    out.set(message);
    this.#wire.send(IN, out);
  }

  /** Every command says it again; only what is new is told. */
  #vibrate(data: Uint8Array): void {
    const hex = Buffer.from(data).toString("hex");
    if (data.length < 8 || data.every((byte) => byte === 0) || hex === this.#rumble) return;
    this.#rumble = hex;
    this.#wire.observe("rumble", {
      left: rumbleOf(data.subarray(0, 4)),
      right: rumbleOf(data.subarray(4, 8)),
    });
  }
}

const reportDescriptor = bytes(`
  05011500 0904a101 85300501 05091901 290a1500 25017501 950a5500 65008102
  0509190b 290e1500 25017501 95048102 75019502 81030b01 000100a1 000b3000
  01000b31 0001000b 32000100 0b350001 00150027 ffff0000 75109504 8102c00b
  39000100 15002507 3500463b 01651475 04950181 02050919 0f291215 00250175
  01950481 02750895 34810306 00ff8521 09017508 953f8103 85810902 7508953f
  81038501 09037508 953f9183 85100904 7508953f 91838580 09057508 953f9183
  85820906 7508953f 9183c0`);

export const switchPro: Model<Pad> = {
  descriptors: {
    speed: "full",
    device: bytes("12 01 0002 00 00 00 40 7e05 0920 1002 01 02 03 01"),
    configuration: bytes(`
      09 02 2900 01 01 00 a0 fa
      09 04 00 00 02 03 00 00 00
      09 21 1101 00 01 22 cb00
      07 05 81 03 4000 08
      07 05 01 03 4000 08`),
    strings: ["Nintendo Co., Ltd.", "Pro Controller", "000000000001"],
  },
  vocabulary: vocabularyOf({
    buttons: order.filter((button) => button !== undefined),
    triggers: false,
    gravity: GRAVITY,
    battery: true,
  }),
  input: IN,
  handshake: true,
  faults: ["nack", "no-baud-rate"],
  intervalMs: PACE_MS,
  start: (wire) => new SwitchPro(wire),
};
