// Runs in: tests. Owns: nothing. Reports of a DualShock 4.
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
    0, 0, 0, 8913, -8914, 8888, -8889, 8874, -8874, 540, 540, 8163, -8309, 7820, -8524, 8240, -8079,
  ];
  const report = new DataView(new ArrayBuffer(37));
  report.setUint8(0, 0x02);
  for (const [at, value] of values.entries()) report.setInt16(1 + 2 * at, value, true);
  for (const [at, value] of Object.entries(changes)) report.setInt16(Number(at), value, true);
  return new Uint8Array(report.buffer);
}

export function firmware(): Uint8Array {
  const report = new DataView(new ArrayBuffer(49));
  report.setUint8(0, 0xa3);
  report.setUint16(35, 0xb400, true);
  report.setUint16(41, 0xa00b, true);
  return new Uint8Array(report.buffer);
}
