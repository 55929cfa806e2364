// Runs in: tests. Owns: nothing. Reports of a DualSense.
import { INPUT_BYTES } from "./input.ts";

/** Without its id; all else zero. */
export function input(values: Readonly<Record<number, number>>): Uint8Array {
  const report = new Uint8Array(INPUT_BYTES);
  for (const [at, value] of Object.entries(values)) report[Number(at)] = value;
  return report;
}

/** Of a real one: Linux, tools/testing/selftests/hid/tests/test_sony.py. `changes`: other numbers of 16 bits, by their places. */
export function calibration(changes: Readonly<Record<number, number>> = {}): Uint8Array {
  const values = [
    0, 0, 0, 8863, -8864, 8864, -8864, 8885, -8884, 540, 540, 8187, -8187, 8067, -8295, 8199, -8196,
  ];
  const report = new DataView(new ArrayBuffer(41));
  report.setUint8(0, 0x05);
  for (const [at, value] of values.entries()) report.setInt16(1 + 2 * at, value, true);
  for (const [at, value] of Object.entries(changes)) report.setInt16(Number(at), value, true);
  return new Uint8Array(report.buffer);
}

/** `features`: the version of what it can. */
export function firmware(features: number): Uint8Array {
  const report = new DataView(new ArrayBuffer(64));
  report.setUint8(0, 0x20);
  report.setUint32(28, 0x0110_002a, true);
  report.setUint16(44, features, true);
  return new Uint8Array(report.buffer);
}
