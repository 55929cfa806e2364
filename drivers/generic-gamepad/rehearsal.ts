// Runs in: driver host, jailed, while it waits for a device. Owns: a pad that nobody holds, for the driver to run on.
import type { Gamepad, PlayedDevice, Rehearsal } from "@ring3/sdk";

const GET_DESCRIPTOR = 6; // USB 2.0 table 9-4
const REPORTS = 30;

/** Two sticks, a hat, twelve buttons: HID 1.11 §6.2.2. */
const reportDescriptor = Uint8Array.of(
  ...[0x05, 0x01, 0x09, 0x05, 0xa1, 0x01],
  ...[0x09, 0x30, 0x09, 0x31, 0x09, 0x32, 0x09, 0x35, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x04],
  ...[0x81, 0x02, 0x09, 0x39, 0x15, 0x00, 0x25, 0x07, 0x75, 0x04, 0x95, 0x01, 0x81, 0x42],
  ...[0x05, 0x09, 0x19, 0x01, 0x29, 0x0c, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x0c, 0x81, 0x02, 0xc0],
);
const REPORT_BYTES = 6;

/** USB 2.0 §9.6, HID 1.11 §6.2.1: device, configuration, a HID interface, its endpoint. */
const descriptors = Uint8Array.of(
  ...[18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x09, 0x12, 0x02, 0x00, 0x00, 0x01, 0, 0, 0, 1],
  ...[9, 2, 34, 0, 1, 1, 0, 0x80, 50],
  ...[9, 4, 0, 0, 1, 3, 0, 0, 0],
  ...[9, 0x21, 0x11, 0x01, 0, 1, 0x22, reportDescriptor.length, 0],
  ...[7, 5, 0x81, 3, 8, 0, 10],
);

function device(): PlayedDevice {
  let sent = 0;
  return {
    control(setup, data) {
      if (setup.request === GET_DESCRIPTOR) data.set(reportDescriptor);
      return data.length;
    },
    transfer(_, data) {
      if (sent++ % (REPORTS + 1) === REPORTS) return undefined;
      data.fill(sent & 0xff, 0, REPORT_BYTES);
      return REPORT_BYTES;
    },
  };
}

export const rehearsal: Rehearsal<Gamepad> = { descriptors, device, requests: [] };
