// Runs in: driver host, jailed, while it waits for a device. Owns: an Xbox 360 controller that nobody holds, for the driver to run on.
import type { Gamepad, PlayedDevice, Rehearsal } from "@ring3/sdk";

const REPORTS = 30;
const REPORT_BYTES = 20;
const IN = 0x81;

/** USB 2.0 §9.6: device, configuration, an interface of the vendor's, its endpoints. */
const descriptors = Uint8Array.of(
  ...[18, 1, 0x00, 0x02, 0xff, 0xff, 0xff, 8, 0x5e, 0x04, 0x8e, 0x02, 0x14, 0x01, 0, 0, 0, 1],
  ...[9, 2, 32, 0, 1, 1, 0, 0x80, 250],
  ...[9, 4, 0, 0, 2, 0xff, 0x5d, 0x01, 0],
  ...[7, 5, IN, 3, 32, 0, 4],
  ...[7, 5, 0x01, 3, 32, 0, 8],
);

function device(): PlayedDevice {
  let sent = 0;
  return {
    control: (_, data) => data.length,
    transfer(endpoint, data) {
      if (endpoint !== IN) return data.length;
      if (sent++ % (REPORTS + 1) === REPORTS) return undefined;
      data.fill(0, 0, 2);
      data.fill(sent & 0xff, 2, REPORT_BYTES);
      return REPORT_BYTES;
    },
  };
}

export const rehearsal: Rehearsal<Gamepad> = {
  descriptors,
  device,
  requests: [
    { operation: "rumble", input: { strong: 1, weak: 1, durationMs: 1000 }, bytes: 0 },
    { operation: "player", input: { number: 1 }, bytes: 0 },
  ],
};
