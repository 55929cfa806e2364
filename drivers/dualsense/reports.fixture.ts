// Runs in: tests. Owns: nothing. Feature reports of a DualSense.
import * as reports from "@ring3/sdk/test/playstation-reports";
import { dualSense } from "./kind.ts";

export { input } from "@ring3/sdk/test/playstation-reports";

export const calibration = (changes?: Readonly<Record<number, number>>): Uint8Array =>
  reports.calibration("dualsense", dualSense.calibration, changes);

/** `features`: the version of what it can. */
export function firmware(features: number): Uint8Array {
  const { id, bytes } = dualSense.firmware;
  const report = new DataView(new ArrayBuffer(bytes));
  report.setUint8(0, id);
  report.setUint32(28, 0x0110_002a, true);
  report.setUint16(44, features, true);
  return new Uint8Array(report.buffer);
}
