// Runs in: driver host, jailed, while it waits for a device. Owns: a DualSense that nobody holds, for the driver to run on.
import type { Gamepad, PlayedDevice, Rehearsal } from "@ring3/sdk";
import { INPUT_BYTES, INPUT_ID } from "./input.ts";

const GET_DESCRIPTOR = 6; // USB 2.0 table 9-4
const REPORTS = 30;
const IN = 0x84;

/** As much of its descriptor as the driver looks at: which reports there are, and how long (HID 1.11 §6.2.2). */
const reportDescriptor = Uint8Array.of(
  ...[0x05, 0x01, 0x09, 0x05, 0xa1, 0x01, 0x06, 0x00, 0xff, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08],
  ...[0x85, INPUT_ID, 0x09, 0x20, 0x95, INPUT_BYTES, 0x81, 0x02],
  ...[0x85, 0x02, 0x09, 0x23, 0x95, 0x2f, 0x91, 0x02],
  ...[0x85, 0x05, 0x09, 0x33, 0x95, 0x28, 0xb1, 0x02],
  ...[0x85, 0x20, 0x09, 0x26, 0x95, 0x3f, 0xb1, 0x02, 0xc0],
);

/** USB 2.0 §9.6, HID 1.11 §6.2.1: device, configuration, a HID interface, its endpoints. */
const descriptors = Uint8Array.of(
  ...[18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x4c, 0x05, 0xe6, 0x0c, 0x00, 0x01, 0, 0, 0, 1],
  ...[9, 2, 41, 0, 1, 1, 0, 0x80, 250],
  ...[9, 4, 0, 0, 2, 3, 0, 0, 0],
  ...[9, 0x21, 0x11, 0x01, 0, 1, 0x22, reportDescriptor.length, 0],
  ...[7, 5, IN, 3, 64, 0, 6],
  ...[7, 5, 0x03, 3, 64, 0, 6],
);

function device(): PlayedDevice {
  let sent = 0;
  return {
    control(setup, data) {
      if (setup.request === GET_DESCRIPTOR) data.set(reportDescriptor);
      else for (let at = 0; at < data.length; at++) data[at] = (at * 37) & 0x3f; // a calibration that can be
      return data.length;
    },
    transfer(endpoint, data) {
      if (endpoint !== IN) return data.length;
      if (sent++ % (REPORTS + 1) === REPORTS) return undefined;
      data.fill(sent & 0xff);
      data[0] = INPUT_ID;
      return 1 + INPUT_BYTES;
    },
  };
}

export const rehearsal: Rehearsal<Gamepad> = {
  descriptors,
  device,
  requests: [
    { operation: "rumble", input: { strong: 1, weak: 1, durationMs: 1000 }, bytes: 0 },
    { operation: "light", input: { red: 1, green: 2, blue: 3 }, bytes: 0 },
    { operation: "player", input: { number: 1 }, bytes: 0 },
    {
      operation: "triggerEffect",
      input: { side: 0, mode: 1, parameters: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
      bytes: 0,
    },
  ],
};
