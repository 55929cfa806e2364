// Runs in: driver host, jailed, while it waits for a device. Owns: a stick of zeroes that nobody plugs in, for the driver to run on.
import type { Block, PlayedDevice, Rehearsal } from "@ring3/sdk";
import { CBW_BYTES, CSW_BYTES } from "./bot.ts";
import { CAPACITY_10_BYTES } from "./replies.ts";

const IN = 0x81;
const OUT = 0x02;

/** USB 2.0 §9.6: device, configuration, an interface for SCSI by Bulk-Only Transport, its endpoints. */
const descriptors = Uint8Array.of(
  ...[18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x09, 0x12, 0x01, 0x00, 0x00, 0x01, 0, 0, 0, 1],
  ...[9, 2, 32, 0, 1, 1, 0, 0x80, 50],
  ...[9, 4, 0, 0, 2, 8, 6, 0x50, 0],
  ...[7, 5, IN, 2, 0x00, 0x02, 0],
  ...[7, 5, OUT, 2, 0x00, 0x02, 0],
);

/** 8192 sectors of 512 bytes, SBC-3 §5.15.2. */
const CAPACITY = Uint8Array.of(0, 0, 0x1f, 0xff, 0, 0, 0x02, 0);

/** All that it says but its capacity is zeroes: INQUIRY data of a disk, sense data of nothing, status "passed". */
function device(): PlayedDevice {
  const csw = new Uint8Array(CSW_BYTES);
  csw.set(new TextEncoder().encode("USBS")); // BOT §5.2
  const answer = (data: Uint8Array): void => {
    if (data.length === CSW_BYTES) data.set(csw);
    else if (data.length === CAPACITY_10_BYTES) data.set(CAPACITY);
  };
  return {
    control: (_, data) => data.length,
    transfer(endpoint, data) {
      if (endpoint === IN) answer(data);
      else if (data.length === CBW_BYTES) csw.set(data.subarray(4, 8), 4); // the tag, BOT §5.1 and §5.2
      return data.length;
    },
  };
}

const range = { lba: 0, count: 8, medium: 1 };
const bytes = 8 * 512;

export const rehearsal: Rehearsal<Block> = {
  descriptors,
  device,
  requests: [
    { operation: "read", input: range, bytes },
    { operation: "write", input: { ...range, fua: 0 }, bytes },
    { operation: "flush", input: { medium: range.medium }, bytes: 0 },
  ],
};
