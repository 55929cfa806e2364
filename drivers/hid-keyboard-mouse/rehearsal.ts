// Runs in: driver host, jailed, while it waits for a device. Owns: a keyboard that nobody types on, for the driver to run on.
import type { InputClass, PlayedDevice, Rehearsal } from "@ring3/sdk";

const GET_DESCRIPTOR = 6; // USB 2.0 table 9-4
const REPORTS = 30;
const REPORT_BYTES = 8;

/** HID 1.11 appendix E.6. */
const reportDescriptor = Uint8Array.of(
  ...[0x05, 0x01, 0x09, 0x06, 0xa1, 0x01],
  ...[0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02],
  ...[0x95, 0x01, 0x75, 0x08, 0x81, 0x01],
  ...[0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, 0x95, 0x01, 0x75, 0x03],
  ...[0x91, 0x01, 0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0x65, 0x05, 0x07, 0x19, 0x00, 0x29, 0x65],
  ...[0x81, 0x00, 0xc0],
);

/** USB 2.0 §9.6, HID 1.11 §6.2.1: device, configuration, a boot keyboard, its endpoint. */
const descriptors = Uint8Array.of(
  ...[18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x09, 0x12, 0x03, 0x00, 0x00, 0x01, 0, 0, 0, 1],
  ...[9, 2, 34, 0, 1, 1, 0, 0x80, 50],
  ...[9, 4, 0, 0, 1, 3, 1, 1, 0],
  ...[9, 0x21, 0x11, 0x01, 0, 1, 0x22, reportDescriptor.length, 0],
  ...[7, 5, 0x81, 3, REPORT_BYTES, 0, 10],
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
      data.fill(0);
      data[2] = 4 + (sent % 26); // a letter
      return REPORT_BYTES;
    },
  };
}

export const rehearsal: Rehearsal<InputClass> = {
  descriptors,
  device,
  requests: [{ operation: "leds", input: { mask: 2 }, bytes: 0 }],
};
