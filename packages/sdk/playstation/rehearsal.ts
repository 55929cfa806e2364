// Runs in: driver host, in a driver's code, while it waits for a device. Owns: nothing; a controller of Sony's that nobody holds.
import type { Gamepad } from "@ring3/classes/gamepad/contract";
import type { Rehearsal } from "../define.ts";
import { hidRehearsal } from "../hid/rehearsal.ts";
import { INPUT_BYTES, INPUT_ID } from "./input.ts";
import type { FeatureReport, PadKind } from "./pad.ts";

const SONY = 0x054c;

/** As much of its descriptor as the driver looks at: which reports there are, and how long (HID 1.11 §6.2.2). */
function reportDescriptor({ outputId, firmware, calibration }: PadKind, outputBytes: number): Uint8Array {
  const feature = ({ id, bytes }: FeatureReport) => [0x85, id, 0x09, 0x24, 0x95, bytes - 1, 0xb1, 0x02];
  return Uint8Array.of(
    ...[0x05, 0x01, 0x09, 0x05, 0xa1, 0x01, 0x06, 0x00, 0xff, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08],
    ...[0x85, INPUT_ID, 0x09, 0x20, 0x95, INPUT_BYTES, 0x81, 0x02],
    ...[0x85, outputId, 0x09, 0x22, 0x95, outputBytes, 0x91, 0x02],
    ...[...feature(calibration), ...feature(firmware), 0xc0],
  );
}

/** `outputBytes`: of its output report, without the id. */
export function rehearsalOf(
  kind: PadKind,
  productId: number,
  outputBytes: number,
  requests: Rehearsal<Gamepad>["requests"],
): Rehearsal<Gamepad> {
  const played = hidRehearsal({
    ...{ vendorId: SONY, productId, out: true },
    reportDescriptor: reportDescriptor(kind, outputBytes),
    input(into, count) {
      into.fill(count & 0xff);
      into[0] = INPUT_ID;
      return 1 + INPUT_BYTES;
    },
    feature(into, reportId) {
      for (let at = 0; at < into.length; at++) into[at] = (at * 37) & 0x3f; // a calibration that can be
      into[0] = reportId;
    },
  });
  return { ...played, requests };
}
