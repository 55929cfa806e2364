// Runs in: the gamepad sim. Owns: nothing; Sony's DualSense, wired.
// Sources, which the README names in full: a dump of its descriptors; Linux's hid-playstation; what others have found of its triggers.
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

const TOUCHPAD = { width: 1920, height: 1080 }; // DS_TOUCHPAD_WIDTH, DS_TOUCHPAD_HEIGHT
const TICKS_PER_US = 3; // of its clock

/** As of a real one (tools/testing/selftests/hid/tests/test_sony.py, CalibratedPS5Controller). */
const calibration: Calibration = {
  speed: 540,
  gyro: [
    [8863, -8864],
    [8864, -8864],
    [8885, -8884],
  ],
  accel: [
    [8187, -8187],
    [8067, -8295],
    [8199, -8196],
  ],
};

const [CALIBRATION, PAIRING, FIRMWARE] = [0x05, 0x09, 0x20]; // DS_FEATURE_REPORT_*

const features = new Map([
  [CALIBRATION, calibrationReport(CALIBRATION, 41, calibration)],
  [PAIRING, pairing()],
  [FIRMWARE, firmware()],
]);

/** Its Bluetooth address, last byte first. */
function pairing(): Uint8Array {
  const report = new Uint8Array(20);
  report.set([PAIRING, 0x33, 0x22, 0x11, 0xe3, 0x3a, 0xd0]);
  return report;
}

/** Built when, hardware, firmware, and the version of its updates; above 0224h it understands newer rumble (hid-playstation.c). */
function firmware(): Uint8Array {
  const report = Buffer.alloc(64);
  report[0] = FIRMWARE;
  report.write("Jun 19 202314:47:34", 1, "latin1");
  report.writeUInt32LE(0x0100_0216, 24);
  report.writeUInt32LE(0x0110_002a, 28);
  report.writeUInt16LE(0x0458, 44);
  return report;
}

/** struct dualsense_input_report, its id in front. */
export function report(pad: Pad, count: number, clockUs: number): Uint8Array {
  const out = Buffer.alloc(REPORT_BYTES);
  out[0] = 0x01;
  out.set([...pad.left, ...pad.right].map(u8Centred), 1);
  out[5] = scaled(pad.leftTrigger, 255);
  out[6] = scaled(pad.rightTrigger, 255);
  out[7] = count & 0xff;
  out.writeUIntLE(buttonField(pad), 8, 3);
  for (const [at, value] of sensors(pad, calibration).entries()) out.writeInt16LE(value, 16 + 2 * at);
  out.writeUInt32LE((clockUs * TICKS_PER_US) % 2 ** 32, 28);
  out.set(touchPoint(pad.fingers[0], TOUCHPAD.width, TOUCHPAD.height), 33);
  out.set(touchPoint(pad.fingers[1], TOUCHPAD.width, TOUCHPAD.height), 37);
  out[53] = power(pad);
  return out;
}

/** Tenths, and whether it charges (1) or is full (2). */
function power({ battery, charging }: Pad): number {
  if (charging && battery === 100) return 0x2a;
  return Math.min(10, Math.floor(battery / 10)) | (charging ? 0x10 : 0);
}

// DS_OUTPUT_VALID_FLAG*: what of the report is meant; those of the triggers are not in Linux.
const [RUMBLE, NO_SOUND_HAPTICS, RIGHT_TRIGGER, LEFT_TRIGGER] = [0x01, 0x02, 0x04, 0x08]; // the second: DS_OUTPUT_VALID_FLAG0_HAPTICS_SELECT
const [MUTE_LIGHT, LIGHT, PLAYER] = [0x01, 0x04, 0x10];
const [LIGHT_SETUP, RUMBLE_2] = [0x02, 0x04];

/** struct dualsense_output_report_common, its id in front. */
export function* output(data: Uint8Array): Iterable<readonly [string, object]> {
  const report = new Uint8Array(48); // a shorter one leaves the rest as it is
  report.set(data.subarray(0, report.length));
  const [, flags0 = 0, flags1 = 0] = report;
  const flags2 = report[39]!;
  const isRumble = (flags0 & RUMBLE) !== 0 || (flags2 & RUMBLE_2) !== 0;
  // Its motors are those of its sound's haptics until these are switched off: Linux and SDL do so with each rumble.
  if (isRumble && (flags0 & NO_SOUND_HAPTICS) !== 0) yield ["rumble", { strong: report[4], weak: report[3] }];
  if ((flags1 & MUTE_LIGHT) !== 0) yield ["mute-light", { mode: report[9] }];
  if ((flags0 & RIGHT_TRIGGER) !== 0) yield ["trigger", trigger("right", report.subarray(11, 22))];
  if ((flags0 & LEFT_TRIGGER) !== 0) yield ["trigger", trigger("left", report.subarray(22, 33))];
  if ((flags2 & LIGHT_SETUP) !== 0) yield ["light-setup", { value: report[42] }];
  if ((flags1 & PLAYER) !== 0) yield ["player", { lights: report[44] }];
  if ((flags1 & LIGHT) !== 0) yield ["light", { red: report[45], green: report[46], blue: report[47] }];
}

function trigger(side: string, [mode, ...parameters]: Uint8Array): object {
  return { side, mode, parameters: Buffer.from(parameters).toString("hex") };
}

export const dualsense = sonyModel({
  descriptors: {
    speed: "high",
    device: bytes("12 01 0002 00 00 00 40 4c05 e60c 0001 01 02 00 01"),
    configuration: bytes(`
      09 02 e300 04 01 00 c0 fa
      09 04 00 00 00 01 01 00 00
      0a 24 01 0001 4900 02 01 02
      0c 24 02 01 0101 06 04 3300 00 00
      0c 24 06 02 01 01 03 00 00 00 00 00
      09 24 03 03 0103 04 02 00
      0c 24 02 04 0204 03 02 0300 00 00
      09 24 06 05 04 01 03 00 00
      09 24 03 06 0101 01 05 00
      09 04 01 00 00 01 02 00 00
      09 04 01 01 01 01 02 00 00
      07 24 01 01 01 0100
      0b 24 02 01 04 02 10 01 80bb00
      09 05 01 09 8801 04 00 00
      07 25 01 00 00 0000
      09 04 02 00 00 01 02 00 00
      09 04 02 01 01 01 02 00 00
      07 24 01 06 01 0100
      0b 24 02 01 02 02 10 01 80bb00
      09 05 82 05 c400 04 00 00
      07 25 01 00 00 0000
      09 04 03 00 02 03 00 00 00
      09 21 1101 00 01 22 1101
      07 05 84 03 4000 06
      07 05 03 03 4000 06`),
    strings: ["Sony Interactive Entertainment", "Wireless Controller"],
  },
  reportDescriptor: bytes(`
    05010905a101850109300931093209350933093415 0026ff007508950681020600ff0920950181020501093915002507
    3500463b016514750495018142650005091901290f15002501750195 0f81020600ff0921950d81020600ff0922150026
    ff0075089534810285020923952f9102850509339528b10285080934952fb102850909249513b102850a0925951ab102
    85200926953fb102852109279504b10285220940953fb10285800928953fb10285810929953fb1028582092a9509b102
    8583092b953fb1028584092c953fb1028585092d9502b10285a0092e9501b10285e0092f953fb10285f00930953fb102
    85f10931953fb10285f20932950fb10285f40935953fb10285f509369503b102c0`),
  hasMute: true,
  features,
  stopsAt: FIRMWARE,
  outputId: 0x02,
  report,
  output,
});
