// Runs in: the gamepad sim. Owns: nothing; Sony's DualShock 4 of the second kind, wired.
// Sources, which the README names in full: a dump of its descriptors; Linux's hid-playstation.
import { bytes } from "../../input/descriptors.ts";
import { type Pad, scaled, u8Centred } from "../state.ts";
import {
  buttonField,
  type Calibration,
  calibrationReport,
  REPORT_BYTES,
  sensors,
  sonyModel,
  touchPoint,
} from "./sony.ts";

const TOUCHPAD = { width: 1920, height: 942 }; // DS4_TOUCHPAD_WIDTH, DS4_TOUCHPAD_HEIGHT
const TICK_US = 16 / 3; // of its clock
const COUNTER_MASK = 0x3f; // beside the last two buttons
const TEMPERATURE = 0x1a; // of its sensors, in no unit that anybody has written down

/** As of a real one (tools/testing/selftests/hid/tests/test_sony.py, CalibratedPS4Controller). */
const calibration: Calibration = {
  speed: 540,
  gyro: [
    [8913, -8914],
    [8888, -8889],
    [8874, -8874],
  ],
  accel: [
    [8163, -8309],
    [7820, -8524],
    [8240, -8079],
  ],
};

const [CALIBRATION, PAIRING, ADDRESS, FIRMWARE] = [0x02, 0x12, 0x81, 0xa3]; // DS4_FEATURE_REPORT_*; 81h: hid-sony
const address = [0xd4, 0x44, 0x55, 0x9c, 0x66, 0x1c]; // Bluetooth, last byte first
const nobody = [0x00, 0x00, 0x00, 0x00, 0x00, 0x00]; // the console that it is paired with

const features = new Map([
  [CALIBRATION, calibrationReport(CALIBRATION, 37, calibration)],
  [PAIRING, Uint8Array.of(PAIRING, ...address, 0x08, 0x25, 0x00, ...nobody)],
  [ADDRESS, Uint8Array.of(ADDRESS, ...address)],
  [FIRMWARE, firmware()],
]);

/** Built when, hardware, firmware. */
function firmware(): Uint8Array {
  const report = Buffer.alloc(49);
  report[0] = FIRMWARE;
  report.write("Sep 21 2018", 1, "latin1");
  report.write("04:50:51", 17, "latin1");
  report.writeUInt16LE(0xb400, 35);
  report.writeUInt16LE(0xa00b, 41);
  return report;
}

/** struct dualshock4_input_report_usb, its id in front. */
export function report(pad: Pad, count: number, clockUs: number): Uint8Array {
  const out = Buffer.alloc(REPORT_BYTES);
  out[0] = 0x01;
  out.set([...pad.left, ...pad.right].map(u8Centred), 1);
  out.writeUIntLE(buttonField(pad) | ((count & COUNTER_MASK) << 18), 5, 3);
  out[8] = scaled(pad.leftTrigger, 255);
  out[9] = scaled(pad.rightTrigger, 255);
  out.writeUInt16LE(Math.floor(clockUs / TICK_US) & 0xffff, 10);
  out[12] = TEMPERATURE;
  for (const [at, value] of sensors(pad, calibration).entries()) out.writeInt16LE(value, 13 + 2 * at);
  out[30] = power(pad);
  out[33] = 1; // of three rooms for fingers one is in use
  out[34] = count & 0xff;
  out.set(touchPoint(pad.fingers[0], TOUCHPAD.width, TOUCHPAD.height), 35);
  out.set(touchPoint(pad.fingers[1], TOUCHPAD.width, TOUCHPAD.height), 39);
  return out;
}

const CABLE = 0x10; // DS4_STATUS0_CABLE_STATE
const FULL = 11;

/** Tenths, and whether a cable charges it. */
function power({ battery, charging }: Pad): number {
  if (charging && battery === 100) return CABLE | FULL;
  return (charging ? CABLE : 0) | Math.min(10, Math.floor(battery / 10));
}

const [RUMBLE, LIGHT, BLINK] = [0x01, 0x02, 0x04]; // DS4_OUTPUT_VALID_FLAG0_*

/** struct dualshock4_output_report_common, its id in front. */
export function* output(data: Uint8Array): Iterable<readonly [string, object]> {
  const [, flags = 0, , , weak = 0, strong = 0, red = 0, green = 0, blue = 0, on = 0, off = 0] = data;
  if ((flags & RUMBLE) !== 0) yield ["rumble", { strong, weak }];
  if ((flags & LIGHT) !== 0) yield ["light", { red, green, blue }];
  if ((flags & BLINK) !== 0) yield ["blink", { on, off }];
}

export const dualshock4 = sonyModel({
  descriptors: {
    speed: "full",
    device: bytes("12 01 0002 00 00 00 40 4c05 cc09 0001 01 02 00 01"),
    configuration: bytes(`
      09 02 e100 04 01 00 c0 fa
      09 04 00 00 00 01 01 00 00
      0a 24 01 0001 4700 02 01 02
      0c 24 02 01 0101 06 02 0300 00 00
      0a 24 06 02 01 01 03 00 00 00
      09 24 03 03 0204 04 02 00
      0c 24 02 04 0204 03 01 0000 00 00
      09 24 06 05 04 01 03 00 00
      09 24 03 06 0101 01 05 00
      09 04 01 00 00 01 02 00 00
      09 04 01 01 01 01 02 00 00
      07 24 01 01 01 0100
      0b 24 02 01 02 02 10 01 007d00
      09 05 01 09 8400 01 00 00
      07 25 01 00 00 0000
      09 04 02 00 00 01 02 00 00
      09 04 02 01 01 01 02 00 00
      07 24 01 06 01 0100
      0b 24 02 01 01 02 10 01 803e00
      09 05 82 05 2200 01 00 00
      07 25 01 00 00 0000
      09 04 03 00 02 03 00 00 00
      09 21 1101 00 01 22 fb01
      07 05 84 03 4000 05
      07 05 03 03 4000 05`),
    strings: ["Sony Interactive Entertainment", "Wireless Controller"],
  },
  reportDescriptor: bytes(`
    05010905 a1018501 09300931 09320935 150026ff 00750895 04810209 39150025
    07350046 3b016514 75049501 81426500 05091901 290e1500 25017501 950e8102
    0600ff09 20750695 01150025 7f810205 01093309 34150026 ff007508 95028102
    0600ff09 21953681 02850509 22951f91 02850409 239524b1 02850209 249524b1
    02850809 259503b1 02851009 269504b1 02851109 279502b1 02851206 02ff0921
    950fb102 85130922 9516b102 85140605 ff092095 10b10285 15092195 2cb10206
    80ff8580 09209506 b1028581 09219506 b1028582 09229505 b1028583 09239501
    b1028584 09249504 b1028585 09259506 b1028586 09269506 b1028587 09279523
    b1028588 0928953f b1028589 09299502 b1028590 09309505 b1028591 09319503
    b1028592 09329503 b1028593 0933950c b1028594 0934953f b10285a0 09409506
    b10285a1 09419501 b10285a2 09429501 b10285a3 09439530 b10285a4 0944950d
    b10285f0 0947953f b10285f1 0948953f b10285f2 0949950f b10285a7 094a9501
    b10285a8 094b9501 b10285a9 094c9508 b10285aa 094e9501 b10285ab 094f9539
    b10285ac 09509539 b10285ad 0951950b b10285ae 09529501 b10285af 09539502
    b10285b0 0954953f b10285e0 09579502 b10285b3 0955953f b10285b4 0955953f
    b10285b5 0956953f b10285d0 0958953f b10285d4 0959953f b102c0`),
  hasMute: false,
  features,
  stopsAt: FIRMWARE,
  outputId: 0x05,
  report,
  output,
});
