// Runs in: tests. Owns: nothing. Feature reports of a DualShock 4.
import * as reports from "@ring3/sdk/test/playstation-reports";
import { dualShock4 } from "./kind.ts";

export { input } from "@ring3/sdk/test/playstation-reports";

export const calibration = (changes?: Readonly<Record<number, number>>): Uint8Array =>
  reports.calibration("dualshock4", dualShock4.calibration, changes);

export function firmware(): Uint8Array {
  const { id, bytes } = dualShock4.firmware;
  const report = new DataView(new ArrayBuffer(bytes));
  report.setUint8(0, id);
  report.setUint16(35, 0xb400, true);
  report.setUint16(41, 0xa00b, true);
  return new Uint8Array(report.buffer);
}
