// Runs in: tests. Owns: nothing. Reports of Sony's controllers.
import { INPUT_BYTES } from "../playstation/input.ts";

/** Without its id; all else zero. */
export function input(values: Readonly<Record<number, number>>): Uint8Array {
  const report = new Uint8Array(INPUT_BYTES);
  for (const [at, value] of Object.entries(values)) report[Number(at)] = value;
  return report;
}

/** Both are of real ones: Linux, tools/testing/selftests/hid/tests/test_sony.py. */
const values = {
  dualshock4: [
    0, 0, 0, 8913, -8914, 8888, -8889, 8874, -8874, 540, 540, 8163, -8309, 7820, -8524, 8240, -8079,
  ],
  dualsense: [
    0, 0, 0, 8863, -8864, 8864, -8864, 8885, -8884, 540, 540, 8187, -8187, 8067, -8295, 8199, -8196,
  ],
};

/** `changes`: other numbers of 16 bits, by their places. */
export function calibration(
  of: keyof typeof values,
  { id, bytes }: { readonly id: number; readonly bytes: number },
  changes: Readonly<Record<number, number>> = {},
): Uint8Array {
  const report = new DataView(new ArrayBuffer(bytes));
  report.setUint8(0, id);
  for (const [at, value] of values[of].entries()) report.setInt16(1 + 2 * at, value, true);
  for (const [at, value] of Object.entries(changes)) report.setInt16(Number(at), value, true);
  return new Uint8Array(report.buffer);
}
